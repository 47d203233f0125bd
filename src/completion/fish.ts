import type { Place, Value } from './index.ts'

/** Fish asks each line whether it is meant, by the commands that stand before the cursor. */
export function fish(places: readonly Place[]): string {
  const paths = places.slice(1).map(({ path }) => quoted(path))
  return `# fish completion of whoopster, made by: whoopster completion fish
function __whoopster_at
    set -l path whoopster
    for word in (commandline -opc)[2..-1]
        contains -- "$path $word" ${paths.join(' ')}; and set path "$path $word"
    end
    test "$path" = "$argv"
end
complete -c whoopster -f
${places.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, commands, options, argument }: Place): string[] {
  const at = `complete -c whoopster -n ${quoted(`__whoopster_at ${path}`)}`
  return [
    ...commands.map(({ name, summary }) => `${at} -a ${name} -d ${quoted(summary)}`),
    ...(argument ? [`${at} ${valueWords(argument, false)}`.trimEnd()] : []).filter((line) => line !== at),
    ...options.map(({ long, short, summary, value }) => {
      const names = `${short ? `-s ${short.slice(1)} ` : ''}-l ${long.slice(2)}`
      return `${at} ${names} ${value ? `${valueWords(value, true)} ` : ''}-d ${quoted(summary)}`
    }),
  ]
}

function valueWords({ names, isList, isPath }: Value, isOption: boolean): string {
  if (isPath) return isOption ? '-r -F' : '-F'
  const some =
    names.length === 0 ? '' : `-a ${quoted(isList ? `(__fish_append , ${names.join(' ')})` : names.join(' '))}`
  return `${isOption ? '-x ' : ''}${some}`.trimEnd()
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
