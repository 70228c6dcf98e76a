package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/arena"
)

// BenchmarkAhead writes a file from its beginning to its end, one direct write at
// a time, in blocks that were zero-filled before and in blocks that were only
// reserved. It is what reserveOnly was chosen by. The file system marks reserved
// blocks as used on threads of the kernel, so the CPU time that counts is the
// machine's, which is this benchmark's on an idle machine only.
func BenchmarkAhead(b *testing.B) {
	const file, step, piece = 128 << 20, 32 << 20, 256 << 10
	zeros := arena.Zeros(piece)
	for _, size := range []int64{4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20} {
		for _, zeroed := range []bool{true, false} {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, map[bool]string{true: "zeros", false: "reserved"}[zeroed]), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), "log")
				if err := os.WriteFile(path, nil, 0o644); err != nil {
					b.Fatal(err)
				}
				f, err := OpenDirect(path)
				if err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				if f.Refused != "" {
					b.Skip("no direct I/O here: " + f.Refused)
				}
				write := func(what []byte, at int64) {
					if _, err := f.WriteAt(what, at); err != nil {
						b.Fatal(err)
					}
				}
				batch := arena.Zeros(int(size))
				before, writing := busy(b), time.Duration(0)
				for b.Loop() {
					if err := f.Truncate(0); err != nil {
						b.Fatal(err)
					}
					for from := int64(0); from < file; from += step {
						if err := f.Reserve(from, step); err != nil {
							b.Fatal(err)
						}
						for at := from; zeroed && at < from+step; at += piece {
							write(zeros, at)
						}
						began := time.Now()
						for at := from; at < from+step; at += size {
							write(batch, at)
						}
						writing += time.Since(began)
					}
				}
				mib := float64(b.N * file >> 20)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(writing.Microseconds())/float64(int64(b.N)*file/size), "µs/write")
				b.ReportMetric(float64(b.Elapsed().Microseconds())/mib, "µs/MiB")
				b.ReportMetric(float64((busy(b)-before).Microseconds())/mib, "machine-CPU-µs/MiB")
			})
		}
	}
}

// busy is the time that the machine's CPUs have worked since it booted.
func busy(b *testing.B) time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		b.Skip(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	ticks := int64(0)
	for i, field := range strings.Fields(line) {
		if i == 0 || i == 4 || i == 5 || i > 7 { // cpu, idle, iowait, steal and guests
			continue
		}
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ, which is 100 wherever Go runs
}
