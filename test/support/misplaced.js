// Runs in a page of the browser: texts that reach out of it, or lie on each other.
;(() => {
  const seen = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const node = walker.currentNode
    const text = node.textContent.trim().slice(0, 40)
    if (text === '' || node.parentElement.closest('script, caption, details:not([open])')) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    for (const box of range.getClientRects()) if (box.width > 0 && box.height > 0) seen.push({ node, text, box })
  }
  const { clientWidth: width, scrollWidth } = document.documentElement
  const isScrolled = ({ node }) => {
    const scroll = node.parentElement.closest('.scroll') // with a finger, or the arrow keys
    return scroll !== null && scroll.scrollWidth > scroll.clientWidth && scroll.tabIndex === 0
  }
  const isOutside = ({ box }) => box.left < -0.5 || box.right > width + 0.5
  const found = seen.filter((one) => isOutside(one) && !isScrolled(one)).map(({ text }) => `outside: ${text}`)
  if (scrollWidth > width) found.push(`wider than the window: ${scrollWidth}`)
  seen.forEach((one, index) => {
    for (const other of seen.slice(index + 1)) {
      if (one.node === other.node) continue
      const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left)
      const down = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top)
      // lines have room between their letters: boxes may touch
      if (across > 1 && down > 4) found.push(`on each other: ${one.text} / ${other.text}`)
    }
  })
  return found
})()
