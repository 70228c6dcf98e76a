// Package ledger remembers every run that was ever begun below a directory of
// results, so that a reader of one result sees how many were made before it and
// what became of them: a difference that is shown after ten tries is not the
// difference of one.
//
//	results/ledger.jsonl   one line an event, appended and synced
//	  {"event":"started","run":"quick/20260101T120000Z-0123abcd",…}
//	  {"event":"ended","run":…}  {"event":"reported","run":…,"headline":…}
//
// A run that was started and has no line of an end was interrupted, or goes on. A
// run whose directory is gone is listed as deleted; a result that the ledger does
// not know, because it is older or was brought here, as unrecorded. Nothing keeps
// anybody from deleting the ledger itself, but the number of runs before is in the
// journal of each result too, which its sums cover.
package ledger
