/** YAML as Kubernetes writes it. How it is read: parse.ts. */
import * as yaml from 'yaml'

/** Keys sorted, lists not indented, texts quoted where they could be read as something else. */
export function writeYaml(value: unknown): string {
  const text = yaml.stringify(value, {
    version: '1.1',
    sortMapEntries: true,
    lineWidth: 0,
    indentSeq: false,
    aliasDuplicateObjects: false,
  })
  // Go's writer does not take a lone dot for a number.
  return text.replace(/^((?: |- )*)"\.":/gm, '$1.:')
}
