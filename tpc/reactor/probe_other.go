//go:build !linux

package reactor

// threadProbe sees nothing where no reactor can run.
type threadProbe struct{}

func (*threadProbe) open(int32) bool   { return false }
func (*threadProbe) close()            {}
func (*threadProbe) read(*sample) bool { return false }
func (*threadProbe) rawCall() string   { return "" }

func threadID() int32 { return 0 }
