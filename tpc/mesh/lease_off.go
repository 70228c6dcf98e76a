//go:build !invariants

package mesh

// lease is who has a reference, in builds with invariants; here it costs a nil.
type lease struct{}

func (*lease) end(int) {}

type leases struct{}

func (*leases) take() *lease   { return nil }
func (*leases) done(*lease)    {}
func (*leases) open() []string { return nil }
