/** Which layer of a simulcast or scalable stream a viewer has asked for (WHEP core extensions, layer selection). */
import { z } from 'zod'
import { Problem } from '../signalling/problem.ts'

/** What one viewer wants of its video; nothing but `mediaId` leaves the choice to the gateway. */
export interface LayerSelection {
  readonly rid?: string
  readonly spatialLayerId?: number
  readonly temporalLayerId?: number
  readonly maxSpatialLayerId?: number
  readonly maxTemporalLayerId?: number
  readonly maxWidth?: number
  readonly maxHeight?: number
}

/** Scalable codecs have at most 8 of each (RFC 9628 section 4.2, AV1 section 5.3.3). */
const layerNumber = z.int().min(0).max(7).optional()
/** Pixels. */
const size = z.int().min(1).max(65_535).optional()

const requestSchema = z.object({
  mediaId: z.union([z.string(), z.int().transform(String)]).optional(),
  rid: z.string().max(255).optional(),
  /** What older texts and players call it. */
  encodingId: z.string().max(255).optional(),
  spatialLayerId: layerNumber,
  temporalLayerId: layerNumber,
  maxSpatialLayerId: layerNumber,
  maxTemporalLayerId: layerNumber,
  maxWidth: size,
  maxHeight: size,
})

export interface LayerRequest {
  /** Undefined for the first video m-section. */
  readonly mediaId: string | undefined
  /** Undefined for automatic. */
  readonly selection: LayerSelection | undefined
}

/** @throws Problem 400 for what is no layer request; unknown members are ignored. */
export function parseLayerRequest(body: unknown): LayerRequest {
  const parsed = requestSchema.safeParse(body)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = issue === undefined || issue.path.length === 0 ? 'it' : `"${issue.path.join('.')}"`
    throw new Problem(
      'invalid-request',
      400,
      `The layer request cannot be used: ${where} is not as it should be.`,
    )
  }
  const { mediaId, encodingId, ...rest } = parsed.data
  const rid = rest.rid ?? encodingId
  const selection = withoutUndefined({ ...rest, rid })
  return { mediaId, selection: Object.keys(selection).length === 0 ? undefined : selection }
}

type Defined<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> }

const withoutUndefined = <T extends object>(value: T): Defined<T> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Defined<T>
