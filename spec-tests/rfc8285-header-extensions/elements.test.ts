import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  HeaderExtensionReader,
  HeaderExtensionWriter,
  type HeaderExtensionForm,
} from '../../src/media/rtp/header-extensions.ts'
import { createRtpHeader, parseRtpHeader, writeRtpHeader } from '../../src/media/rtp/rtp-header.ts'
import { damaged, hex, place, seeded, toHex } from '../rfc3550-rtp/packet-bytes.ts'

const fixedHeader = '90600001 00000002 00000003'
const header = createRtpHeader()
const reader = new HeaderExtensionReader()
const writer = new HeaderExtensionWriter()

type Element = readonly [id: number, data: string]

function elementsOf(packet: Uint8Array, filler = 0xff): Element[] {
  const { bytes, view, offset, length } = place(packet, filler)
  if (!parseRtpHeader(bytes, view, offset, length, header)) return []
  reader.read(bytes, header)
  return Array.from({ length: reader.count }, (_, i) => {
    const start = reader.offsets[i] ?? 0
    return [reader.ids[i] ?? 0, toHex(bytes.slice(start, start + (reader.lengths[i] ?? 0)))]
  })
}

function write(form: HeaderExtensionForm, add: (writer: HeaderExtensionWriter) => void): Uint8Array {
  const bytes = new Uint8Array(1500).fill(0xff)
  const view = new DataView(bytes.buffer)
  writeRtpHeader(view, 0, false, 96, 1, 2, 3, true)
  writer.begin(bytes, view, 12, form)
  add(writer)
  return bytes.slice(0, 12 + writer.end())
}

describe('RFC 8285 section 4.2: the one-byte form', () => {
  it('is read as in the example, with padding between the elements', () => {
    const packet = hex(`${fixedHeader} bede0003 10aa 21bbcc 0000 33ddddddee`)
    expect(elementsOf(packet)).toEqual([
      [1, 'aa'],
      [2, 'bbcc'],
      [3, 'ddddddee'],
    ])
  })

  it('ends at id 15', () => {
    expect(elementsOf(hex(`${fixedHeader} bede0002 10aa f0bb 20cc 30dd`))).toEqual([[1, 'aa']])
  })

  it('ends at id 0 with a length (section 4.1.2)', () => {
    expect(elementsOf(hex(`${fixedHeader} bede0002 10aa 01bbbb 20cc 00`))).toEqual([[1, 'aa']])
  })

  it('holds 1 to 16 bytes in an element', () => {
    const data = '0102030405060708090a0b0c0d0e0f10'
    expect(elementsOf(hex(`${fixedHeader} bede0005 ef${data} 10aa 00`))).toEqual([
      [14, data],
      [1, 'aa'],
    ])
  })

  it('keeps the elements in front of one that is cut off', () => {
    expect(elementsOf(hex(`${fixedHeader} bede0001 10aa 25bb 01020304`))).toEqual([[1, 'aa']])
  })
})

describe('RFC 8285 section 4.3: the two-byte form', () => {
  it('is read as in the example', () => {
    expect(elementsOf(hex(`${fixedHeader} 10000003 0100 0201 bb 00 03 04 dddddddd`))).toEqual([
      [1, ''],
      [2, 'bb'],
      [3, 'dddddddd'],
    ])
  })

  it('is known by the upper 12 bits of the profile', () => {
    expect(elementsOf(hex(`${fixedHeader} 100f0001 0f02 0102`))).toEqual([[15, '0102']])
  })

  it('keeps the elements in front of one that is cut off', () => {
    expect(elementsOf(hex(`${fixedHeader} 10000002 0101 aa 02 05 010203 0405`))).toEqual([[1, 'aa']])
    expect(elementsOf(hex(`${fixedHeader} 10000001 0101 aa 02 05`))).toEqual([[1, 'aa']])
  })
})

describe('header extensions', () => {
  it('of other profiles have no elements', () => {
    expect(elementsOf(hex(`${fixedHeader} abac0001 10aa 0000`))).toEqual([])
    expect(elementsOf(hex(`${fixedHeader} 20000001 0101 aa00`))).toEqual([])
  })

  it('that are absent leave none of the packet before', () => {
    elementsOf(hex(`${fixedHeader} bede0001 10aa 0000`))
    expect(elementsOf(hex('80600001 00000002 00000003'))).toEqual([])
    expect(reader.find(1)).toBe(-1)
  })

  it('are looked at up to 32 elements', () => {
    const packet = hex(`${fixedHeader} bede0014 ${'10aa'.repeat(40)}`)
    expect(elementsOf(packet)).toHaveLength(32)
  })

  it('are found by their id, the first one where an id comes twice', () => {
    elementsOf(hex(`${fixedHeader} bede0002 20aa 10bb 10cc 0000`))
    expect(reader.find(1)).toBe(1)
    expect(reader.find(2)).toBe(0)
    expect(reader.find(3)).toBe(-1)
  })
})

describe('the writer', () => {
  it('pads to whole words behind the last element', () => {
    const packet = write('one-byte', (w) => {
      expect(w.addUint8(1, 0xaa)).toBe(true)
      expect(w.addUint16(2, 0xbbcc)).toBe(true)
      expect(w.addUint24(3, 0xddeeff)).toBe(true)
    })
    expect(toHex(packet.subarray(12))).toBe('bede0003' + '10aa' + '21bbcc' + '32ddeeff' + '000000')
  })

  it('writes the two-byte form', () => {
    const source = hex('00 6d6964')
    const packet = write('two-byte', (w) => {
      expect(w.add(200, source, 1, 3)).toBe(true)
      expect(w.add(1, source, 0, 0)).toBe(true)
    })
    expect(toHex(packet.subarray(12))).toBe('10000002' + 'c8036d6964' + '0100' + '00')
  })

  it('writes nothing where nothing was added', () => {
    const bytes = new Uint8Array(20).fill(0xff)
    writer.begin(bytes, new DataView(bytes.buffer), 0, 'one-byte')
    expect(writer.end()).toBe(0)
    expect(bytes.every((byte) => byte === 0xff)).toBe(true)
  })

  it.each([
    ['one-byte', 0, 1],
    ['one-byte', 15, 1],
    ['one-byte', 1, 0],
    ['one-byte', 1, 17],
    ['two-byte', 0, 1],
    ['two-byte', 256, 1],
    ['two-byte', 1, 256],
  ] as const)('refuses in the %s form id %i with %i bytes', (form, id, length) => {
    write(form, (w) => {
      expect(w.add(id, new Uint8Array(300), 0, length)).toBe(false)
      expect(w.end()).toBe(0)
    })
  })

  it('refuses to read beyond the source or write beyond the memory', () => {
    const bytes = new Uint8Array(12)
    writer.begin(bytes, new DataView(bytes.buffer), 0, 'one-byte')
    expect(writer.add(1, new Uint8Array(4), 2, 3)).toBe(false)
    expect(writer.add(1, new Uint8Array(4), -1, 3)).toBe(false)
    expect(writer.addUint24(1, 1)).toBe(true)
    expect(writer.addUint24(2, 2)).toBe(true)
    expect(writer.addUint8(3, 3)).toBe(false)
    expect(writer.end()).toBe(12)
  })

  it('needs room for the padding, too', () => {
    const bytes = new Uint8Array(6)
    writer.begin(bytes, new DataView(bytes.buffer), 0, 'one-byte')
    expect(writer.addUint8(1, 1)).toBe(false)
  })

  it.each(['one-byte', 'two-byte'] as const)('makes what the reader reads, in the %s form', (form) => {
    const data =
      form === 'one-byte' ? fc.uint8Array({ minLength: 1, maxLength: 16 }) : fc.uint8Array({ maxLength: 40 })
    const element = fc.tuple(fc.integer({ min: 1, max: form === 'one-byte' ? 14 : 255 }), data)
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 30 }), (elements) => {
        const packet = write(form, (w) => {
          for (const [id, bytes] of elements) expect(w.add(id, bytes, 0, bytes.length)).toBe(true)
        })
        expect(packet.length % 4).toBe(0)
        expect(elementsOf(packet)).toEqual(elements.map(([id, bytes]) => [id, toHex(bytes)]))
        expect(header.payloadLength).toBe(0)
      }),
      { ...seeded, numRuns: 300 },
    )
  })
})

describe('header extensions of random and damaged bytes', () => {
  it('never throw, and give elements inside the extension that depend on the packet alone', () => {
    const oneByte = hex(`${fixedHeader} bede0003 10aa 21bbcc 0000 33ddddddee 00 0102`)
    const twoByte = hex(`${fixedHeader} 10000003 0100 0201 bb 00 03 04 dddddddd 0102`)
    fc.assert(
      fc.property(damaged(oneByte, twoByte), (packet) => {
        const elements = elementsOf(packet, 0x00)
        expect(elementsOf(packet, 0x11)).toEqual(elements)
        if (elements.length === 0) return
        const end = header.extensionOffset + header.extensionLength
        for (let i = 0; i < reader.count; i++) {
          expect(reader.offsets[i]).toBeGreaterThan(header.extensionOffset)
          expect((reader.offsets[i] ?? 0) + (reader.lengths[i] ?? 0)).toBeLessThanOrEqual(end)
        }
      }),
      seeded,
    )
  })
})
