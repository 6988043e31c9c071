/** The demo's test picture, as I420. */
import { describe, expect, test } from 'vitest'
import { TestPicture } from '../../src/client/test-picture.ts'

const width = 640
const height = 360
const luma = (picture: TestPicture, x: number, y: number) => picture.data[y * width + x]

describe('the test picture', () => {
  test('has one luma plane and two chroma planes of a quarter', () => {
    expect(new TestPicture(width, height).data).toHaveLength(width * height * 1.5)
  })

  test('refuses odd sides, which 4:2:0 cannot have', () => {
    expect(() => new TestPicture(641, 360)).toThrow(RangeError)
    expect(() => new TestPicture(640, 361)).toThrow(RangeError)
  })

  test('shows eight bars, from white to black', () => {
    const picture = new TestPicture(width, height)
    picture.draw(0, 0)
    const row = Array.from({ length: 8 }, (_, bar) => luma(picture, bar * 80 + 40, height - 1))
    expect(row).toEqual([180, 162, 131, 112, 84, 65, 35, 16])
    const chroma = (plane: number, bar: number) => {
      return picture.data[width * height * (1 + plane / 4) + (height / 2 - 1) * (width / 2) + bar * 40 + 20]
    }
    expect([chroma(0, 6), chroma(1, 6)]).toEqual([212, 114]) // blue
    expect([chroma(0, 5), chroma(1, 5)]).toEqual([100, 212]) // red
  })

  test('moves: the travelling bar starts at the left edge and is in the middle after half its way', () => {
    const picture = new TestPicture(width, height)
    picture.draw(0, 0)
    expect(luma(picture, 0, height / 2)).toBe(235)
    picture.draw(50, 2_000)
    expect(luma(picture, 0, height / 2)).toBe(180)
    expect(luma(picture, width / 2, height / 2)).toBe(235)
  })

  test('tells each frame from the next one by its number', () => {
    const picture = new TestPicture(width, height)
    picture.draw(7, 0)
    const seven = picture.data.slice()
    picture.draw(8, 0)
    expect(picture.data).not.toEqual(seven)
    picture.draw(7, 0)
    expect(picture.data).toEqual(seven)
  })

  test.each([
    [64, 36],
    [2, 2],
    [1920, 1080],
  ])('stays within a picture of %i x %i for any number and time', (smallWidth, smallHeight) => {
    const picture = new TestPicture(smallWidth, smallHeight)
    const length = picture.data.length
    picture.draw(123_456_789, 9_999_999)
    expect(picture.data).toHaveLength(length)
  })
})
