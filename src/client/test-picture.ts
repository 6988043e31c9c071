/** Draws the demo's moving picture into I420: colour bars, a bar that travels, and a clock with the frame's number. */

/** Y, U, V of the 75 % colour bars (ITU-R BT.601, limited range): white, yellow, cyan, green, magenta, red, blue, black. */
const bars = [
  [180, 128, 128],
  [162, 44, 142],
  [131, 156, 44],
  [112, 72, 58],
  [84, 184, 198],
  [65, 100, 212],
  [35, 212, 114],
  [16, 128, 128],
] as const

/** 3 x 5 glyphs, a row of three bits each. */
const glyphs: Readonly<Record<string, readonly number[]>> = {
  '0': [7, 5, 5, 5, 7],
  '1': [2, 6, 2, 2, 7],
  '2': [7, 1, 7, 4, 7],
  '3': [7, 1, 7, 1, 7],
  '4': [5, 5, 7, 1, 1],
  '5': [7, 4, 7, 1, 7],
  '6': [7, 4, 7, 5, 7],
  '7': [7, 1, 1, 1, 1],
  '8': [7, 5, 7, 5, 7],
  '9': [7, 5, 7, 1, 7],
  ':': [0, 2, 0, 2, 0],
  '.': [0, 0, 0, 0, 2],
  ' ': [0, 0, 0, 0, 0],
}
const glyphColumns = 3
const glyphRows = 5
/** Columns from one glyph to the next. */
const glyphAdvance = 4
const black = 16
const white = 235
/** The travelling bar crosses the picture in so many milliseconds. */
const crossingMs = 4_000

export class TestPicture {
  readonly width: number
  readonly height: number
  /** The picture drawn last; overwritten by the next `draw`. */
  readonly data: Uint8Array
  readonly #background: Uint8Array

  /** Both sides must be even, in pixels. */
  constructor(width: number, height: number) {
    if (width % 2 !== 0 || height % 2 !== 0) throw new RangeError('a 4:2:0 picture has even sides')
    this.width = width
    this.height = height
    this.#background = drawBars(width, height)
    this.data = new Uint8Array(this.#background.length)
  }

  /** Draws frame `frameNumber`, which is shown `elapsedMs` after the start. */
  draw(frameNumber: number, elapsedMs: number): void {
    this.data.set(this.#background)
    const barWidth = Math.max(2, this.width >> 5)
    const travel = this.width - barWidth
    this.#fill(
      Math.floor(((elapsedMs % crossingMs) / crossingMs) * travel),
      this.height >> 1,
      barWidth,
      this.height >> 2,
      white,
    )
    const scale = Math.max(1, Math.floor(this.width / 80))
    this.#write(formatClock(elapsedMs), scale * 4, scale * 4, scale)
    this.#write(String(frameNumber), scale * 4, scale * 14, scale)
  }

  #write(text: string, left: number, top: number, scale: number): void {
    const width = (text.length * glyphAdvance + 1) * scale
    this.#fill(left - scale, top - scale, width, (glyphRows + 2) * scale, black)
    for (const [index, character] of [...text].entries()) {
      const glyph = glyphs[character] ?? []
      for (const [row, bits] of glyph.entries()) {
        for (let column = 0; column < glyphColumns; column++) {
          if ((bits & (4 >> column)) === 0) continue
          this.#fill(left + (index * glyphAdvance + column) * scale, top + row * scale, scale, scale, white)
        }
      }
    }
  }

  /** Luma only: over the bars it takes their tint, which is enough to be seen. */
  #fill(left: number, top: number, width: number, height: number, luma: number): void {
    const right = Math.min(left + width, this.width)
    for (let row = Math.max(top, 0); row < Math.min(top + height, this.height); row++) {
      this.data.fill(luma, row * this.width + Math.max(left, 0), row * this.width + right)
    }
  }
}

function drawBars(width: number, height: number): Uint8Array {
  const lumaSize = width * height
  const data = new Uint8Array(lumaSize * 1.5)
  const planes = [
    { offset: 0, width, height },
    { offset: lumaSize, width: width / 2, height: height / 2 },
    { offset: lumaSize * 1.25, width: width / 2, height: height / 2 },
  ]
  for (const [component, plane] of planes.entries()) {
    for (const [index, colour] of bars.entries()) {
      const left = Math.round((index * plane.width) / bars.length)
      const right = Math.round(((index + 1) * plane.width) / bars.length)
      for (let row = 0; row < plane.height; row++) {
        const start = plane.offset + row * plane.width
        data.fill(colour[component] ?? 0, start + left, start + right)
      }
    }
  }
  return data
}

/** "12:34.5": minutes, seconds, tenths. */
function formatClock(elapsedMs: number): string {
  const tenths = Math.floor(elapsedMs / 100)
  const seconds = String(Math.floor(tenths / 10) % 60).padStart(2, '0')
  return `${String(Math.floor(tenths / 600)).padStart(2, '0')}:${seconds}.${tenths % 10}`
}
