export function readInstructions(dockerfile: string): { readonly name: string; readonly text: string }[]
export function isLeftOut(path: string): boolean
