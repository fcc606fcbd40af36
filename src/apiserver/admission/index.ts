/** The admission plugins that are built in, in the order in which they are asked. */
import type { AdmissionPort } from '../../registry/admission-port.ts'
import { type Powers, refuseEscalation } from './escalation.ts'
import { restrictNode } from './node-restriction.ts'

export function builtInAdmission(powers: Powers): AdmissionPort {
  return {
    mutate(attributes, draft) {
      restrictNode(attributes, draft, powers.authorizers)
      refuseEscalation(powers, attributes, draft)
    },
    validate(attributes, object) {
      // What is written was looked at before the server added its part.
      if (attributes.operation === 'DELETE') restrictNode(attributes, object, powers.authorizers)
    },
  }
}
