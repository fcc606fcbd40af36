// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { TypedLocalObjectReference } from './core-v1.gen.ts'
import type { Condition, LabelSelector } from './meta-v1.gen.ts'

/** HTTPIngressPath associates a path with a backend. */
export interface HTTPIngressPath {
  readonly path?: string
  readonly pathType: string
  readonly backend: IngressBackend
}

/** HTTPIngressRuleValue is a list of http selectors pointing to backends. */
export interface HTTPIngressRuleValue {
  readonly paths: readonly HTTPIngressPath[]
}

/** IPAddress represents a single IP of a single IP Family. */
export interface IPAddress {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: IPAddressSpec
}

/** IPAddressList contains a list of IPAddress. */
export interface IPAddressList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly IPAddress[]
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
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: IngressSpec
  readonly status?: IngressStatus
}

/** IngressBackend describes all endpoints for a given service and port. */
export interface IngressBackend {
  readonly service?: IngressServiceBackend
  readonly resource?: TypedLocalObjectReference
}

/** IngressClass represents the class of the Ingress, referenced by the Ingress Spec. */
export interface IngressClass {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: IngressClassSpec
}

/** IngressClassList is a collection of IngressClasses. */
export interface IngressClassList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly IngressClass[]
}

/** IngressClassParametersReference identifies an API object. */
export interface IngressClassParametersReference {
  readonly apiGroup?: string
  readonly kind: string
  readonly name: string
  readonly scope?: string
  readonly namespace?: string
}

/** IngressClassSpec provides information about the class of an Ingress. */
export interface IngressClassSpec {
  readonly controller?: string
  readonly parameters?: IngressClassParametersReference
}

/** IngressList is a collection of Ingress. */
export interface IngressList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly Ingress[]
}

/** IngressLoadBalancerIngress represents the status of a load-balancer ingress point. */
export interface IngressLoadBalancerIngress {
  readonly ip?: string
  readonly hostname?: string
  readonly ports?: readonly IngressPortStatus[]
}

/** IngressLoadBalancerStatus represents the status of a load-balancer. */
export interface IngressLoadBalancerStatus {
  readonly ingress?: readonly IngressLoadBalancerIngress[]
}

/** IngressPortStatus represents the error condition of a service port */
export interface IngressPortStatus {
  readonly port: number
  readonly protocol: string
  readonly error?: string
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
  readonly ingressClassName?: string
  readonly defaultBackend?: IngressBackend
  readonly tls?: readonly IngressTLS[]
  readonly rules?: readonly IngressRule[]
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
  readonly kind?: string
  readonly apiVersion?: string
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
  readonly ports?: readonly NetworkPolicyPort[]
  readonly from?: readonly NetworkPolicyPeer[]
}

/** NetworkPolicyList is a list of NetworkPolicy objects. */
export interface NetworkPolicyList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly NetworkPolicy[]
}

/** NetworkPolicyPeer describes a peer to allow traffic to/from. */
export interface NetworkPolicyPeer {
  readonly podSelector?: LabelSelector
  readonly namespaceSelector?: LabelSelector
  readonly ipBlock?: IPBlock
}

/** NetworkPolicyPort describes a port to allow traffic on */
export interface NetworkPolicyPort {
  readonly protocol?: string
  readonly port?: number | string
  readonly endPort?: number
}

/** NetworkPolicySpec provides the specification of a NetworkPolicy */
export interface NetworkPolicySpec {
  readonly podSelector?: LabelSelector
  readonly ingress?: readonly NetworkPolicyIngressRule[]
  readonly egress?: readonly NetworkPolicyEgressRule[]
  readonly policyTypes?: readonly string[]
}

/** ParentReference describes a reference to a parent object. */
export interface ParentReference {
  readonly group?: string
  readonly resource: string
  readonly namespace?: string
  readonly name: string
}

/** ServiceBackendPort is the service port being referenced. */
export interface ServiceBackendPort {
  readonly name?: string
  readonly number?: number
}

/** ServiceCIDR defines a range of IP addresses using CIDR format (e.g. */
export interface ServiceCIDR {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: ServiceCIDRSpec
  readonly status?: ServiceCIDRStatus
}

/** ServiceCIDRList contains a list of ServiceCIDR objects. */
export interface ServiceCIDRList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly ServiceCIDR[]
}

/** ServiceCIDRSpec define the CIDRs the user wants to use for allocating ClusterIPs for Services. */
export interface ServiceCIDRSpec {
  readonly cidrs?: readonly string[]
}

/** ServiceCIDRStatus describes the current state of the ServiceCIDR. */
export interface ServiceCIDRStatus {
  readonly conditions?: readonly Condition[]
}
