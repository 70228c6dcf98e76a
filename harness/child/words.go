package child

import (
	"os"
	"strings"
	"sync"
)

// maxWords is how much of a child's standard error is kept in memory, bytes.
const maxWords = 8 << 10

// words takes a child's standard error into its log file and keeps the end in
// memory: the disk that a child complains of may be the one that its log is on.
type words struct {
	file *os.File
	mu   sync.Mutex
	kept []byte
}

// Write never fails, because that would end the child.
func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, b...)
	if over := len(w.kept) - maxWords; over > 0 {
		w.kept = append(w.kept[:0], w.kept[over:]...)
	}
	_, _ = w.file.Write(b) // what does not fit there is in memory
	return len(b), nil
}

// last is the last line; "" when nothing was said.
func (w *words) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(w.kept)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
