/** Rules of probes and lifecycle hooks. */
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import { portNameErrors } from '../../api/names.ts'
import type { Container, HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../../api/types/core-v1.gen.ts'

type Handler = LifecycleHandler & Pick<Probe, 'grpc'>

export function probesErrors(container: Container, field: string, errors: FieldError[]): void {
  const { livenessProbe, readinessProbe, startupProbe } = container
  if (livenessProbe) {
    probeErrors(livenessProbe, `${field}.livenessProbe`, errors)
    onceErrors(livenessProbe, `${field}.livenessProbe`, errors)
  }
  if (readinessProbe) {
    probeErrors(readinessProbe, `${field}.readinessProbe`, errors)
    const grace = readinessProbe.terminationGracePeriodSeconds
    if (grace !== undefined) {
      const at = `${field}.readinessProbe.terminationGracePeriodSeconds`
      errors.push(invalid(at, grace, 'must not be set for readinessProbes'))
    }
  }
  if (startupProbe) {
    probeErrors(startupProbe, `${field}.startupProbe`, errors)
    onceErrors(startupProbe, `${field}.startupProbe`, errors)
  }
}

const COUNTS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const

function probeErrors(probe: Probe, field: string, errors: FieldError[]): void {
  handlerErrors(probe, field, undefined, errors)
  for (const key of COUNTS) {
    const value = probe[key]
    if (value !== undefined && value < 0) {
      errors.push(invalid(`${field}.${key}`, value, 'must be greater than or equal to 0'))
    }
  }
  const grace = probe.terminationGracePeriodSeconds
  if (grace !== undefined && grace <= 0) {
    errors.push(invalid(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'))
  }
}

function onceErrors({ successThreshold }: Probe, field: string, errors: FieldError[]): void {
  if (successThreshold !== 1) errors.push(invalid(`${field}.successThreshold`, successThreshold ?? 0, 'must be 1'))
}

/** `grace` is the pod's terminationGracePeriodSeconds: a hook cannot sleep longer. */
export function lifecycleErrors(
  lifecycle: Lifecycle | undefined,
  field: string,
  grace: number | undefined,
  errors: FieldError[],
): void {
  if (!lifecycle) return
  if (lifecycle.postStart) handlerErrors(lifecycle.postStart, `${field}.postStart`, grace, errors)
  if (lifecycle.preStop) handlerErrors(lifecycle.preStop, `${field}.preStop`, grace, errors)
}

function handlerErrors(handler: Handler, field: string, grace: number | undefined, errors: FieldError[]): void {
  let count = 0
  const only = (name: string): boolean => {
    if (++count === 1) return true
    errors.push(forbiddenField(`${field}.${name}`, 'may not specify more than 1 handler type'))
    return false
  }
  if (handler.exec && only('exec') && !handler.exec.command?.length) errors.push(required(`${field}.exec.command`))
  if (handler.httpGet && only('httpGet')) httpErrors(handler.httpGet, `${field}.httpGet`, errors)
  if (handler.tcpSocket && only('tcpSocket')) portErrors(handler.tcpSocket.port, `${field}.tcpSocket.port`, errors)
  if (handler.grpc && only('grpc')) portErrors(handler.grpc.port, `${field}.grpc.port`, errors)
  if (handler.sleep && only('sleep')) {
    const { seconds } = handler.sleep
    if (grace !== undefined && (seconds < 0 || seconds > grace)) {
      const why = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`
      errors.push(invalid(`${field}.sleep`, seconds, why))
    }
  }
  if (count === 0) errors.push(required(field, 'must specify a handler type'))
}

function httpErrors(action: HTTPGetAction, field: string, errors: FieldError[]): void {
  if (!action.path) errors.push(required(`${field}.path`))
  portErrors(action.port, `${field}.port`, errors)
  const { scheme } = action
  if (scheme !== 'HTTP' && scheme !== 'HTTPS') {
    errors.push(notSupported(`${field}.scheme`, scheme ?? '', ['HTTP', 'HTTPS']))
  }
  for (const header of action.httpHeaders ?? []) {
    if (!/^[-A-Za-z0-9]+$/.test(header.name)) {
      const why =
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
      errors.push(invalid(`${field}.httpHeaders`, header.name, why))
    }
  }
}

function portErrors(port: number | string, field: string, errors: FieldError[]): void {
  if (typeof port === 'string') for (const message of portNameErrors(port)) errors.push(invalid(field, port, message))
  else if (port < 1 || port > 65_535) errors.push(invalid(field, port, 'must be between 1 and 65535, inclusive'))
}
