// The handbook's SIGTERM handler around a small server: stops taking connections, finishes its work, closes, exits 0.
const http = require('node:http')

const db = { close: () => console.log('데이터베이스 연결 종료') }
const server = http.createServer((request, response) => {
  console.log(`${request.method} ${request.url}`)
  response.end('ok\n')
})
server.listen(Number(process.env.PORT || 8080), () => console.log('ready'))

process.on('SIGTERM', () => {
  console.log('SIGTERM 신호를 받았습니다. Graceful shutdown 시작...')

  server.close(() => {
    console.log('HTTP 서버 종료 완료')
    db.close()
    console.log('Graceful shutdown 완료')
    process.exit(0)
  })

  setTimeout(() => {
    console.error('강제 종료 시간 초과')
    process.exit(1)
  }, 25000) // shorter than the grace period of 30 s
})
