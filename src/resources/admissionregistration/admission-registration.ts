/** What decides about writes besides ebb itself: webhooks and policies of admissionregistration.k8s.io/v1. */
import type { ResourceDeclaration } from '../declaration.ts'
import { listedOnly } from '../listed-only.ts'

const KINDS: readonly { kind: string; plural: string; status?: 'owned' }[] = [
  { kind: 'MutatingAdmissionPolicy', plural: 'mutatingadmissionpolicies' },
  { kind: 'MutatingAdmissionPolicyBinding', plural: 'mutatingadmissionpolicybindings' },
  { kind: 'MutatingWebhookConfiguration', plural: 'mutatingwebhookconfigurations' },
  { kind: 'ValidatingAdmissionPolicy', plural: 'validatingadmissionpolicies', status: 'owned' },
  { kind: 'ValidatingAdmissionPolicyBinding', plural: 'validatingadmissionpolicybindings' },
  { kind: 'ValidatingWebhookConfiguration', plural: 'validatingwebhookconfigurations' },
]

export const ADMISSION_REGISTRATIONS: readonly ResourceDeclaration[] = KINDS.map((kind) =>
  listedOnly(
    {
      group: 'admissionregistration.k8s.io',
      version: 'v1',
      definition: `io.k8s.api.admissionregistration.v1.${kind.kind}`,
      ...kind,
    },
    'ebb calls no webhooks and obeys no admission policies yet',
  ),
)
