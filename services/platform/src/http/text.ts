import { z } from 'zod';

const LINE = /^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u;
const TEXT = /^(?=[\s\S]*\S)(?:[^\p{Cc}\p{Cs}]|[\t\n\r])+$/u;

// For the documents: only syntax that regular expressions in all languages support, so no Unicode classes and no surrogates.
const CONTROL = String.raw`\x00-\x1f\x7f-\x9f`;
const CONTROL_IN_LINES = String.raw`\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f`;
const PORTABLE_LINE = `^[^${CONTROL}]*[^\\s${CONTROL}][^${CONTROL}]*$`;
const PORTABLE_TEXT = `^[^${CONTROL_IN_LINES}]*[^\\s${CONTROL}][^${CONTROL_IN_LINES}]*$`;
/** No white space and no control characters. */
export const PORTABLE_WORD = `^[^\\s${CONTROL}]+$`;

/** Text for people, of one or more lines, kept exactly as sent. */
export function linesOfText(maxLength: number) {
  return z
    .string()
    .min(1, 'Must not be empty.')
    .max(maxLength, `At most ${maxLength} characters.`)
    .regex(TEXT, 'Must not be blank or contain control characters.')
    .meta({ pattern: PORTABLE_TEXT });
}

/** A line of text for people: not blank, without control characters, kept exactly as sent. */
export function lineOfText(maxLength: number) {
  return z
    .string()
    .min(1, 'Must not be empty.')
    .max(maxLength, `At most ${maxLength} characters.`)
    .regex(LINE, 'Must not be blank or contain control characters.')
    .meta({ pattern: PORTABLE_LINE });
}
