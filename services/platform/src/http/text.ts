import { z } from 'zod';

const LINE = /^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u;

const TEXT = /^(?=[\s\S]*\S)(?:[^\p{Cc}\p{Cs}]|[\t\n\r])+$/u;

/** Text for people that may have several lines, taken exactly as it was sent. */
export function linesOfText(maxLength: number) {
  return z
    .string()
    .min(1, 'Must not be empty.')
    .max(maxLength, `At most ${maxLength} characters.`)
    .regex(TEXT, 'Must not be blank or hold control characters.')
    .meta({ pattern: TEXT.source });
}

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
