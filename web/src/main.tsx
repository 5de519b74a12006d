import { render } from 'preact'
import { App } from './app.tsx'
import './style/index.css'

const root = document.getElementById('app')
if (!root) throw new Error('the document has no place for the console')
render(<App />, root)
