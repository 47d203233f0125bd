import type { Place, Value } from './index.ts'

/** For bash 3.2, as macOS has it, and every later one. */
export function bash(places: readonly Place[]): string {
  const paths = places.slice(1).map(({ path }) => path)
  return `# bash completion of whoopster, made by: whoopster completion bash
_whoopster() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path=whoopster option= options= values= files= list= prefix= word i
  [[ $cur == = ]] && cur=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      =) continue ;;
      -*) option=$word && continue ;;
    esac
    [[ $option && $option != *more ]] && option="$option more" # a value; of a list there may be others
    case "$path $word" in
${cases(paths.map((path) => [path, 'path="$path $word" option=']))}
    esac
  done
  case $path in
${cases(places.map((place) => [place.path, placeWords(place)]))}
  esac
  case "$path $option" in
${cases(places.flatMap(optionWords))}
  esac
  COMPREPLY=()
  if [[ $cur == -* ]]; then
    values=$options
  elif [[ $files ]]; then
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
    return
  fi
  [[ $list && $cur == *,* ]] && prefix=\${cur%,*},
  COMPREPLY=($(compgen -W "$values" -P "$prefix" -- "\${cur#"$prefix"}"))
}
complete -F _whoopster whoopster
`
}

function placeWords({ commands, options, argument }: Place): string {
  const flags = options.map(({ long }) => long).join(' ')
  const names = commands.map(({ name }) => name).join(' ')
  if (names !== '') return `options='${flags}' values='${names}'`
  return `options='${flags}' ${argument ? valueWords(argument) : 'values=$options'}`
}

function optionWords({ path, options }: Place): [pattern: string, words: string][] {
  return options.flatMap(({ long, short, value }) => {
    if (!value) return []
    const names = [long, ...(short ? [short] : []), ...(value.isList ? [`${long} more`] : [])]
    return names.map((name): [string, string] => [`${path} ${name}`, valueWords(value)])
  })
}

function valueWords({ names, isList, isPath }: Value): string {
  return isPath ? 'values= files=1' : `values='${names.join(' ')}' files=${isList ? ' list=1' : ''}`
}

/** What is done in several cases is written once. */
function cases(all: readonly (readonly [pattern: string, words: string])[]): string {
  const byWords = new Map<string, string[]>()
  for (const [pattern, words] of all) byWords.set(words, [...(byWords.get(words) ?? []), `'${pattern}'`])
  return [...byWords].map(([words, patterns]) => `      ${patterns.join(' | ')}) ${words} ;;`).join('\n')
}
