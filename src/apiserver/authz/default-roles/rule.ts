import type { Rule } from '../authorizer.ts'

export const READ = 'get list watch'
export const WRITE = 'create delete deletecollection patch update'

const words = (text: string) => text.split(' ').sort()

/** A rule on resources, all in words: `rule('get list', 'apps', 'deployments statefulsets')`; `core` is the group without a name. */
export function rule(verbs: string, groups: string, resources: string, names?: string): Rule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups).map((group) => (group === 'core' ? '' : group)),
    resources: words(resources),
    ...(names ? { resourceNames: words(names) } : {}),
  }
}

/** A rule on paths. */
export const paths = (verbs: string, urls: string): Rule => ({ verbs: words(verbs), nonResourceURLs: words(urls) })

/** Whoever acts says what it does. */
export const EVENTS = rule('create patch update', 'core events.k8s.io', 'events')
