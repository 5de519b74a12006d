#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// What was compiled once is not compiled again, which halves the time in which a command starts.
// Among the caller's own files: nobody else may put code there, as they might in /tmp. Empty is
// unset: Node.js would take it for the folder in which the command is called.
const { NODE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env
const cacheHome = XDG_CACHE_HOME || join(homedir(), '.cache')
enableCompileCache(NODE_COMPILE_CACHE || join(cacheHome, 'meridian', 'compiled'))
await import('./run.ts')
