import { completionScript, shells } from '../completion/scripts.ts'
import { command, oneOfWords } from '../define-command.ts'

export default command({
  name: 'completion',
  summary: 'Print the script with which a shell completes commands and options',
  details: 'Load it in the start-up file of the shell. It holds every command and option of this version: load it again after an update.',
  options: { shell: oneOfWords('shell', shells, 'Which shell; without it the one of $SHELL, or bash') },
  examples: [
    ['source <(openclaw completion --shell bash)', 'In ~/.bashrc; the same with zsh in ~/.zshrc, behind compinit.'],
    ['openclaw completion --shell fish > ~/.config/fish/completions/openclaw.fish', 'For fish.'],
    ['openclaw completion --shell powershell | Out-String | Invoke-Expression', 'In the profile of PowerShell.']
  ],
  async run ({ options, io, out }) {
    const { readPlaces } = await import('../completion/places.ts')
    const usual = shells.find(shell => io.env['SHELL']?.endsWith(`/${shell}`)) ?? 'bash'
    out.line(completionScript(options.shell ?? usual, await readPlaces()))
    return 0
  }
})
