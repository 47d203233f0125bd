import type { Flag, Place, Value } from './index.ts'

/** A function for each place; it serves as a file of $fpath and in an eval. */
export function zsh(places: readonly Place[]): string {
  return `#compdef whoopster
# zsh completion of whoopster, made by: whoopster completion zsh
${places.map(functionOf).join('\n')}
if [[ $funcstack[1] == _whoopster ]]; then _whoopster "$@"; else compdef _whoopster whoopster; fi
`
}

function functionOf({ path, commands, options, argument }: Place): string {
  const specs = options.flatMap(specsOf)
  const name = nameOf(path)
  if (commands.length === 0) {
    const more = argument ? [quoted(`*:${argument.name}:${actionOf(argument)}`)] : []
    return `${name}() {\n  _arguments -s ${[...specs, ...more].join(' \\\n    ')}\n}`
  }
  const listed = commands.map((child) => quoted(`${child.name}:${child.summary.replaceAll(':', '\\:')}`))
  const below = commands.map((child) => `        ${child.name}) ${nameOf(`${path} ${child.name}`)} ;;`)
  return `${name}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -s -C ${specs.join(' \\\n    ')} \\
    '1: :->command' '*:: :->rest'
  case $state in
    command)
      local -a commands=(${listed.join(' \\\n        ')})
      _describe command commands ;;
    rest)
      case $words[1] in
${below.join('\n')}
      esac ;;
  esac
}`
}

function specsOf({ short, long, summary, value }: Flag): string[] {
  const text = `[${summary.replaceAll(/[[\]\\:]/g, '\\$&')}]`
  const rest = value ? `:${value.name}:${actionOf(value)}` : ''
  const more = value?.isList ? '*' : ''
  const names = short ? `${quoted(`(${short} ${long})`)}{${short},${long}}` : quoted(`${more}${long}`)
  return [`${names}${quoted(`${text}${rest}`)}`]
}

function actionOf({ name, names, isList, isPath }: Value): string {
  if (isPath) return '_files'
  if (names.length === 0) return ' '
  return isList ? `_values -s , ${name} ${names.join(' ')}` : `(${names.join(' ')})`
}

function nameOf(path: string): string {
  return `_${path.replaceAll(/[ -]/g, '_')}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
