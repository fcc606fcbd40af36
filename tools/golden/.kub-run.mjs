const { main } = await import('./.kub-termination.mjs')
process.exit(await main(process.argv.slice(2)))
