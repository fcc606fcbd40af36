/**
 * Answers of a server behind a proxy subresource, made to lead back through it: the Location of redirects, and what pages refer to.
 * Pure. Source: Kubernetes' apimachinery, util/proxy/transport.go.
 */

/** Where the server is, for the client and for us. */
export interface ProxiedAt {
  /** `/api/v1/namespaces/n/services/s/proxy`. */
  readonly prefix: string
  /** `10.244.0.7:80`. */
  readonly server: string
  /** The Host that the client asked for. */
  readonly client: string
}

/** A URL of the server as the client can follow it: one of another host, or a relative one, stays as it is. */
export function rewriteUrl(text: string, { prefix, server, client }: ProxiedAt): string {
  const [, host, path = ''] = /^(?:https?:)?\/\/([^/?#]*)(.*)$/is.exec(text) ?? [undefined, '', text]
  const isDifferentHost = host !== '' && host !== server && host !== client
  if (isDifferentHost || !path.startsWith('/') || path.startsWith(prefix)) return isDifferentHost ? text : path || text
  return prefix + path
}

/** Attributes that hold a URL, by element. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
}

/** A page with its links rewritten. One pass; what is no tag stays as it is. */
export function rewriteHtml(page: string, at: ProxiedAt): string {
  return page.replace(/<([a-z]+)(\s[^<>]*)>/gi, (tag, element: string, attributes: string) => {
    const links = LINKS[element.toLowerCase()]
    if (!links) return tag
    const rewritten = attributes.replace(
      /(\s)([^\s"'=<>/]+)=(?:"([^"]*)"|'([^']*)'|([^\s"'=<>]+))/g,
      (...[whole, space, name, double, single, bare]: string[]) => {
        if (!links.includes(name?.toLowerCase() ?? '')) return whole ?? ''
        return `${space}${name}="${rewriteUrl(double ?? single ?? bare ?? '', at)}"`
      },
    )
    return `<${element}${rewritten}>`
  })
}
