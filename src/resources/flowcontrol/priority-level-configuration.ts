/** PriorityLevelConfiguration flowcontrol.apiserver.k8s.io/v1: stored and shown. */
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import type { Draft } from '../../api/object.ts'
import type {
  PriorityLevelConfiguration as Level,
  LimitedPriorityLevelConfiguration as Limited,
  LimitResponse,
  QueuingConfiguration,
} from '../../api/types/flowcontrol-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { conditionErrors, GROUP, UNREAD } from './conditions.ts'

const EXEMPT = 'exempt'
const SHARES_DEFAULT = 30
const QUEUING_DEFAULTS = { queues: 64, handSize: 8, queueLengthLimit: 50 }
const QUEUES_MAX = 10_000_000
/** Dealing a hand of queues uses that much of a hash. */
const ENTROPY_BITS_MAX = 60

export const priorityLevelConfiguration: ResourceDeclaration<Level> = declare<Level>({
  group: GROUP,
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  namespaced: false,
  definition: 'io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration',
  generation: 'spec',
  status: 'owned',
  default: defaultLevel,
  validate: levelErrors,
  validateStatus: conditionErrors,
  warn(_, old, { warn }) {
    if (!old) warn(UNREAD)
  },
  row({ metadata, spec }, now) {
    const limited = spec?.limited
    const queuing = limited?.limitResponse?.queuing
    const shares = (limited ?? spec?.exempt)?.nominalConcurrencyShares
    const cell = (value: number | undefined) => (value === undefined ? '<none>' : String(value))
    return [
      metadata.name ?? '',
      spec?.type ?? '',
      cell(shares),
      cell(queuing?.queues),
      cell(queuing?.handSize),
      cell(queuing?.queueLengthLimit),
      since(metadata.creationTimestamp, now),
    ]
  },
})

function defaultLevel(draft: Draft<Level>): void {
  draft.spec ??= {} as Draft<Level>['spec']
  const { limited, exempt } = draft.spec
  if (limited) {
    limited.nominalConcurrencyShares ??= SHARES_DEFAULT
    limited.lendablePercent ??= 0
    const queuing = limited.limitResponse?.queuing
    if (queuing) {
      queuing.queues ||= QUEUING_DEFAULTS.queues
      queuing.handSize ||= QUEUING_DEFAULTS.handSize
      queuing.queueLengthLimit ||= QUEUING_DEFAULTS.queueLengthLimit
    }
  }
  if (!exempt) return
  exempt.nominalConcurrencyShares ??= 0
  exempt.lendablePercent ??= 0
}

function levelErrors({ metadata, spec }: Level): FieldError[] {
  const { type = '', limited, exempt } = spec
  const errors: FieldError[] = []
  if ((type === 'Exempt') !== (metadata.name === EXEMPT) && type)
    errors.push(invalid('spec.type', type, "must be 'Exempt' if and only if `name` is 'exempt'"))
  if (type === 'Exempt') {
    if (limited) errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'))
    return errors
  }
  if (type !== 'Limited') return [...errors, notSupported('spec.type', type, ['Exempt', 'Limited'])]
  if (exempt) errors.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'))
  if (!limited) return [...errors, required('spec.limited', 'must not be empty when type is Limited')]
  return [...errors, ...limitedErrors(limited)]
}

function limitedErrors(limited: Limited): FieldError[] {
  const { nominalConcurrencyShares = 0, lendablePercent = 0, borrowingLimitPercent = 0 } = limited
  const errors: FieldError[] = []
  const check = (wrong: boolean, name: keyof Limited, why: string) => {
    if (wrong) errors.push(invalid(`spec.limited.${name}`, limited[name], why))
  }
  check(nominalConcurrencyShares < 0, 'nominalConcurrencyShares', 'must be a non-negative integer')
  errors.push(...responseErrors(limited.limitResponse, 'spec.limited.limitResponse'))
  check(lendablePercent < 0 || lendablePercent > 100, 'lendablePercent', 'must be between 0 and 100, inclusive')
  check(borrowingLimitPercent < 0, 'borrowingLimitPercent', 'if specified, must be a non-negative integer')
  return errors
}

function responseErrors({ type, queuing }: LimitResponse = { type: '' }, field: string): FieldError[] {
  const at = `${field}.queuing`
  if (type === 'Reject')
    return queuing ? [forbiddenField(at, 'must be nil if limited.limitResponse.type is not Limited')] : []
  if (type !== 'Queue') return [notSupported(`${field}.type`, type, ['Queue', 'Reject'])]
  if (!queuing) return [required(at, 'must not be empty if limited.limitResponse.type is Limited')]
  return queuingErrors(queuing, at)
}

function queuingErrors({ queues = 0, handSize = 0, queueLengthLimit = 0 }: QueuingConfiguration, field: string) {
  const errors: FieldError[] = []
  if (queueLengthLimit <= 0) errors.push(invalid(`${field}.queueLengthLimit`, queueLengthLimit, 'must be positive'))
  if (queues <= 0) errors.push(invalid(`${field}.queues`, queues, 'must be positive'))
  else if (queues > QUEUES_MAX)
    errors.push(invalid(`${field}.queues`, queues, `must not be greater than ${QUEUES_MAX}`))
  const hand = (why: string) => errors.push(invalid(`${field}.handSize`, handSize, why))
  if (handSize <= 0) hand('must be positive')
  else if (handSize > queues) hand(`should not be greater than queues (${queues})`)
  else if (Math.ceil(entropyBits(queues, handSize)) > ENTROPY_BITS_MAX)
    hand(`required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than 60`)
  return errors
}

/** Of dealing `hand` cards of `deck`: log2 of deck * (deck - 1) * ... */
function entropyBits(deck: number, hand: number): number {
  let bits = 0
  for (let dealt = 0; dealt < hand && bits <= ENTROPY_BITS_MAX; dealt++) bits += Math.log2(deck - dealt)
  return bits
}
