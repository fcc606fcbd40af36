/**
 * What Kubernetes allows as a name, a key or a value, with the sentences its API answers. Each function returns the messages,
 * none when the text is fine. Sources: "Object Names and IDs", "Labels and Selectors" of the documentation, RFC 1123.
 */

const NONE: readonly string[] = []

const QUALIFIED_CHARACTERS =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const CONFIG_KEY =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

const LABEL_PATTERN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN_PATTERN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED_PATTERN = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/

const NAME_MAX = 253
const LABEL_MAX = 63

/** Names of most objects: lower case labels joined by dots, at most 253 characters. */
export function subdomainErrors(value: string): readonly string[] {
  const fits = value.length <= NAME_MAX
  if (fits && SUBDOMAIN_PATTERN.test(value)) return NONE
  const errors: string[] = []
  if (!fits) errors.push(`must be no more than ${NAME_MAX} characters`)
  if (!SUBDOMAIN_PATTERN.test(value)) errors.push(SUBDOMAIN)
  return errors
}

/** Names of namespaces, services, containers, volumes: one lower case label of at most 63 characters. */
export function labelNameErrors(value: string): readonly string[] {
  const fits = value.length <= LABEL_MAX
  if (fits && LABEL_PATTERN.test(value)) return NONE
  const errors: string[] = []
  if (!fits) errors.push(`must be no more than ${LABEL_MAX} characters`)
  if (!LABEL_PATTERN.test(value)) errors.push(SUBDOMAIN_PATTERN.test(value) ? 'must not contain dots' : LABEL)
  return errors
}

/** Keys of labels, annotations, resources, finalizers: `name` or `dns.prefix/name`. */
export function qualifiedNameErrors(value: string): readonly string[] {
  const slash = value.indexOf('/')
  if (slash < 0) return qualifiedPartErrors(value)
  if (value.indexOf('/', slash + 1) >= 0) {
    return [
      `a qualified name ${QUALIFIED_CHARACTERS} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  const prefix = value.slice(0, slash)
  const name = qualifiedPartErrors(value.slice(slash + 1))
  if (prefix === '') return ['prefix part must be non-empty', ...name]
  if (prefix.length <= NAME_MAX && SUBDOMAIN_PATTERN.test(prefix)) return name
  const errors: string[] = []
  if (prefix.length > NAME_MAX) errors.push(`prefix part must be no more than ${NAME_MAX} bytes`)
  if (!SUBDOMAIN_PATTERN.test(prefix)) errors.push(`prefix part ${SUBDOMAIN}`)
  return [...errors, ...name]
}

function qualifiedPartErrors(name: string): readonly string[] {
  if (name.length <= LABEL_MAX && QUALIFIED_PATTERN.test(name)) return NONE
  const errors: string[] = []
  if (name === '') errors.push('name part must be non-empty')
  else if (name.length > LABEL_MAX) errors.push(`name part must be no more than ${LABEL_MAX} bytes`)
  if (!QUALIFIED_PATTERN.test(name)) errors.push(`name part ${QUALIFIED_CHARACTERS}`)
  return errors
}

export function labelValueErrors(value: string): readonly string[] {
  if (value === '' || (value.length <= LABEL_MAX && QUALIFIED_PATTERN.test(value))) return NONE
  const errors: string[] = []
  if (value.length > LABEL_MAX) errors.push(`must be no more than ${LABEL_MAX} bytes`)
  if (!QUALIFIED_PATTERN.test(value)) errors.push(LABEL_VALUE)
  return errors
}

/** Names of container and service ports (IANA_SVC_NAME). */
export function portNameErrors(value: string): readonly string[] {
  const errors: string[] = []
  if (value.length > 15) errors.push('must be no more than 15 characters')
  if (!/^[-a-z0-9]+$/.test(value)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)')
  if (value.includes('--')) errors.push('must not contain consecutive hyphens')
  if (value.startsWith('-') || value.endsWith('-')) errors.push('must not begin or end with a hyphen')
  return errors
}

/** Keys of ConfigMaps and Secrets. */
export function configKeyErrors(value: string): readonly string[] {
  const errors: string[] = []
  if (value.length > NAME_MAX) errors.push(`must be no more than ${NAME_MAX} characters`)
  if (!/^[-._a-zA-Z0-9]+$/.test(value)) errors.push(CONFIG_KEY)
  if (value === '.') errors.push("must not be '.'")
  else if (value === '..') errors.push("must not be '..'")
  else if (value.startsWith('..')) errors.push("must not start with '..'")
  return errors
}

/** Names of environment variables: any printable ASCII but '='. */
export function environmentNameErrors(value: string): readonly string[] {
  if (/^[ -<>-~]+$/.test(value)) return NONE
  if (value === '') return ['environment variable name must be non-empty']
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
}

/** Last part of a path in the API: names of RBAC objects and the like. */
export function pathSegmentErrors(value: string): readonly string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`]
  const errors: string[] = []
  for (const illegal of ['/', '%']) if (value.includes(illegal)) errors.push(`may not contain '${illegal}'`)
  return errors
}
