export class ApiConnection {
  constructor(target: { server: string; token: string; ca?: string })
  request(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<{ status: number; body: unknown }>
  lines(
    path: string,
    line: (text: string, at: number, status: number) => void,
    end?: (error: unknown) => void,
  ): () => void
  close(): void
}
