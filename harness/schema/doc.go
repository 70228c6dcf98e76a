// Package schema holds the JSON Schemas (draft 2020-12) of the files that a
// result consists of, for readers in other languages: `ceteris schema` prints
// them.
//
//	Go types ── make ──> *.json ── embedded ──> ceteris schema NAME
//
// The Go types are the one source, with their comments as descriptions. After a
// change to one of them:
//
//	go run ./harness/schema/make
//
// A schema describes one version, the one that its "schema" key names, and refuses
// keys that it does not know, as Ceteris itself does: keys are added to a version
// and never change their meaning, so that a newer schema of it reads older files.
package schema
