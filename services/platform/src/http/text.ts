import { z } from 'zod';

/** A line of text for people: not blank, without control characters, taken exactly as it was sent. */
export function lineOfText(maxLength: number) {
  return z
    .string()
    .min(1, 'Must not be empty.')
    .max(maxLength, `At most ${maxLength} characters.`)
    .regex(/^[^\p{Cc}\p{Cs}]*\S[^\p{Cc}\p{Cs}]*$/u, 'Must not be blank or hold control characters.');
}
