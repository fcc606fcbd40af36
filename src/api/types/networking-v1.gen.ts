// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { TypedLocalObjectReference } from './core-v1.gen.ts'
import type { Condition, LabelSelector } from './meta-v1.gen.ts'

/** HTTPIngressPath associates a path with a backend. */
export interface HTTPIngressPath {
  readonly backend: IngressBackend
  readonly path?: string
  readonly pathType: string
}

/** HTTPIngressRuleValue is a list of http selectors pointing to backends. */
export interface HTTPIngressRuleValue {
  readonly paths: readonly HTTPIngressPath[]
}

/** IPAddress represents a single IP of a single IP Family. */
export interface IPAddress {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: IPAddressSpec
}

/** IPAddressList contains a list of IPAddress. */
export interface IPAddressList {
  readonly apiVersion?: string
  readonly items: readonly IPAddress[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** IPAddressSpec describe the attributes in an IP Address. */
export interface IPAddressSpec {
  readonly parentRef: ParentReference
}

/** IPBlock describes a particular CIDR (Ex. */
export interface IPBlock {
  readonly cidr: string
  readonly except?: readonly string[]
}

/** Ingress is a collection of rules that allow inbound connections to reach the endpoints defined by a backend. */
export interface Ingress {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: IngressSpec
  readonly status?: IngressStatus
}

/** IngressBackend describes all endpoints for a given service and port. */
export interface IngressBackend {
  readonly resource?: TypedLocalObjectReference
  readonly service?: IngressServiceBackend
}

/** IngressClass represents the class of the Ingress, referenced by the Ingress Spec. */
export interface IngressClass {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: IngressClassSpec
}

/** IngressClassList is a collection of IngressClasses. */
export interface IngressClassList {
  readonly apiVersion?: string
  readonly items: readonly IngressClass[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** IngressClassParametersReference identifies an API object. */
export interface IngressClassParametersReference {
  readonly apiGroup?: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string
  readonly scope?: string
}

/** IngressClassSpec provides information about the class of an Ingress. */
export interface IngressClassSpec {
  readonly controller?: string
  readonly parameters?: IngressClassParametersReference
}

/** IngressList is a collection of Ingress. */
export interface IngressList {
  readonly apiVersion?: string
  readonly items: readonly Ingress[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** IngressLoadBalancerIngress represents the status of a load-balancer ingress point. */
export interface IngressLoadBalancerIngress {
  readonly hostname?: string
  readonly ip?: string
  readonly ports?: readonly IngressPortStatus[]
}

/** IngressLoadBalancerStatus represents the status of a load-balancer. */
export interface IngressLoadBalancerStatus {
  readonly ingress?: readonly IngressLoadBalancerIngress[]
}

/** IngressPortStatus represents the error condition of a service port */
export interface IngressPortStatus {
  readonly error?: string
  readonly port: number
  readonly protocol: string
}

/** IngressRule represents the rules mapping the paths under a specified host to the related backend services. */
export interface IngressRule {
  readonly host?: string
  readonly http?: HTTPIngressRuleValue
}

/** IngressServiceBackend references a Kubernetes Service as a Backend. */
export interface IngressServiceBackend {
  readonly name: string
  readonly port?: ServiceBackendPort
}

/** IngressSpec describes the Ingress the user wishes to exist. */
export interface IngressSpec {
  readonly defaultBackend?: IngressBackend
  readonly ingressClassName?: string
  readonly rules?: readonly IngressRule[]
  readonly tls?: readonly IngressTLS[]
}

/** IngressStatus describe the current state of the Ingress. */
export interface IngressStatus {
  readonly loadBalancer?: IngressLoadBalancerStatus
}

/** IngressTLS describes the transport layer security associated with an ingress. */
export interface IngressTLS {
  readonly hosts?: readonly string[]
  readonly secretName?: string
}

/** NetworkPolicy describes what network traffic is allowed for a set of Pods */
export interface NetworkPolicy {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: NetworkPolicySpec
}

/** NetworkPolicyEgressRule describes a particular set of traffic that is allowed out of pods matched by a Network */
export interface NetworkPolicyEgressRule {
  readonly ports?: readonly NetworkPolicyPort[]
  readonly to?: readonly NetworkPolicyPeer[]
}

/** NetworkPolicyIngressRule describes a particular set of traffic that is allowed to the pods matched by a Networ */
export interface NetworkPolicyIngressRule {
  readonly from?: readonly NetworkPolicyPeer[]
  readonly ports?: readonly NetworkPolicyPort[]
}

/** NetworkPolicyList is a list of NetworkPolicy objects. */
export interface NetworkPolicyList {
  readonly apiVersion?: string
  readonly items: readonly NetworkPolicy[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** NetworkPolicyPeer describes a peer to allow traffic to/from. */
export interface NetworkPolicyPeer {
  readonly ipBlock?: IPBlock
  readonly namespaceSelector?: LabelSelector
  readonly podSelector?: LabelSelector
}

/** NetworkPolicyPort describes a port to allow traffic on */
export interface NetworkPolicyPort {
  readonly endPort?: number
  readonly port?: number | string
  readonly protocol?: string
}

/** NetworkPolicySpec provides the specification of a NetworkPolicy */
export interface NetworkPolicySpec {
  readonly egress?: readonly NetworkPolicyEgressRule[]
  readonly ingress?: readonly NetworkPolicyIngressRule[]
  readonly podSelector?: LabelSelector
  readonly policyTypes?: readonly string[]
}

/** ParentReference describes a reference to a parent object. */
export interface ParentReference {
  readonly group?: string
  readonly name: string
  readonly namespace?: string
  readonly resource: string
}

/** ServiceBackendPort is the service port being referenced. */
export interface ServiceBackendPort {
  readonly name?: string
  readonly number?: number
}

/** ServiceCIDR defines a range of IP addresses using CIDR format (e.g. */
export interface ServiceCIDR {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: ServiceCIDRSpec
  readonly status?: ServiceCIDRStatus
}

/** ServiceCIDRList contains a list of ServiceCIDR objects. */
export interface ServiceCIDRList {
  readonly apiVersion?: string
  readonly items: readonly ServiceCIDR[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** ServiceCIDRSpec define the CIDRs the user wants to use for allocating ClusterIPs for Services. */
export interface ServiceCIDRSpec {
  readonly cidrs?: readonly string[]
}

/** ServiceCIDRStatus describes the current state of the ServiceCIDR. */
export interface ServiceCIDRStatus {
  readonly conditions?: readonly Condition[]
}
