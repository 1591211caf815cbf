import { z } from 'zod';

const LINE = /^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u;

/** A line of text for people: not blank, without control characters, taken exactly as it was sent. */
export function lineOfText(maxLength: number) {
  return (
    z
      .string()
      .min(1, 'Must not be empty.')
      .max(maxLength, `At most ${maxLength} characters.`)
      .regex(LINE, 'Must not be blank or hold control characters.')
      // The generator would write the flag into the pattern.
      .meta({ pattern: LINE.source })
  );
}
