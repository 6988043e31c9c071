// Copies what tsc does not compile (pages and their scripts) from src/web to dist/web, and makes the command executable.
import { chmodSync, cpSync, existsSync } from 'node:fs'

if (existsSync('src/web')) {
  cpSync('src/web', 'dist/web', { recursive: true, filter: (path) => !path.endsWith('.ts') })
}
if (existsSync('dist/main.js')) chmodSync('dist/main.js', 0o755)
