//go:build !invariants

package arena

// invariants builds check the owner's thread and poison freed memory.
const invariants = false
