/**
 * The scripts that shells load. Each finds the place of the cursor the same way: options are passed over, a word begins the command, and
 * behind a group another word belongs to it. They hold all words, so that a press of Tab starts no process.
 */
import { shellQuoted } from '../../lib/shell-quote.ts'
import type { Place, Places, Word } from './places.ts'

export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const
export type Shell = typeof shells[number]

/** fish and PowerShell have their own ways with a quote in quotes. */
const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
const powerQuoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

const cases = (places: readonly Place[], bodyOf: (words: readonly Word[]) => string): string =>
  places.map(({ name, words }) => `    ${shellQuoted(name)}) ${bodyOf(words)} ;;`).join('\n')

/** The loop of bash and zsh, over the words before the cursor. */
const walk = (groups: readonly string[], words: string): string => `  for word in "\${${words}}"; do
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      --profile|--log-level) skip=1 ;;
      -*) ;;
      *)
        if [[ -z $place ]]; then place=$word
        elif [[ ' ${groups.join(' ')} ' == *" $place "* ]]; then place="$place $word"
        fi ;;
    esac
  done`

const bash = ({ all, groups }: Places): string => `# Completion for bash. Load it with: source <(openclaw completion --shell bash)
_openclaw () {
  local word place='' skip='' words=''
${walk(groups, 'COMP_WORDS[@]:1:COMP_CWORD-1')}
  case $place in
${cases(all, words => `words=${shellQuoted(words.map(({ word }) => word).join(' '))}`)}
  esac
  COMPREPLY=( $(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}") )
}
complete -o default -F _openclaw openclaw`

const zsh = ({ all, groups }: Places): string => `#compdef openclaw
# Completion for zsh. Put it into a file _openclaw in a directory of $fpath, or: source <(openclaw completion --shell zsh)
_openclaw () {
  local word place='' skip=''
  local -a found
${walk(groups, '(@)words[2,CURRENT-1]')}
  case $place in
${cases(all, words => `found=(${words.map(({ word, help }) => shellQuoted(`${word}:${help}`)).join(' ')})`)}
  esac
  _describe command found || _files
}
if [[ "\${funcstack[1]}" == _openclaw ]]; then _openclaw "$@"; else compdef _openclaw openclaw; fi`

function fishLine (place: string, { word, help, takesValue }: Word): string {
  const when = `complete -c openclaw -n ${fishQuoted(`__openclaw_at ${fishQuoted(place)}`)}`
  const what = word.startsWith('--') ? `-l ${word.slice(2)}${takesValue ? ' -r' : ''}` : `-f -a ${word}`
  return `${when} ${what} -d ${fishQuoted(help)}`
}

const fish = ({ all, groups }: Places): string => `# Completion for fish. Load it with: openclaw completion --shell fish | source
function __openclaw_at
  set -l place ''
  set -l skip 0
  set -l typed (commandline -opc)
  for word in $typed[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    switch $word
      case --profile --log-level
        set skip 1
      case '-*'
      case '*'
        if test -z "$place"
          set place $word
        else if contains -- "$place" ${groups.join(' ')}
          set place "$place $word"
        end
    end
  end
  test "$place" = "$argv[1]"
end
${all.flatMap(({ name, words }) => words.map(word => fishLine(name, word))).join('\n')}`

const powershell = ({ all, groups }: Places): string => `# Completion for PowerShell. Load it with: openclaw completion --shell powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName openclaw -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $groups = @(${groups.map(powerQuoted).join(', ')})
  $places = @{
${all.map(({ name, words }) => `    ${powerQuoted(name)} = @(${words.map(({ word, help }) => powerQuoted(`${word} ${help}`)).join(', ')})`).join('\n')}
  }
  $place = ''
  $skip = $false
  foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
    if ($element.Extent.EndOffset -ge $cursorPosition -and $wordToComplete -ne '') { break }
    $word = $element.ToString()
    if ($skip) { $skip = $false }
    elseif ($word -eq '--profile' -or $word -eq '--log-level') { $skip = $true }
    elseif ($word.StartsWith('-')) { }
    elseif ($place -eq '') { $place = $word }
    elseif ($groups -contains $place) { $place = "$place $word" }
  }
  $places[$place] | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
    $name, $help = $_ -split ' ', 2
    [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $help)
  }
}`

const writers: { readonly [shell in Shell]: (places: Places) => string } = { bash, zsh, fish, powershell }

export const completionScript = (shell: Shell, places: Places): string => writers[shell](places)
