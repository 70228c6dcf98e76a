package workloads

import "embed"

//go:embed quick.yaml smoke.yaml
var builtin embed.FS

// Builtin returns the text of an experiment that comes with the program, such
// as "quick.yaml".
func Builtin(name string) ([]byte, bool) {
	data, err := builtin.ReadFile(name)
	return data, err == nil
}
