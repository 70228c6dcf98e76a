package result

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

const sumsFile = "CHECKSUMS"

// Seal writes CHECKSUMS over every other file, in the format of sha256sum(1).
// Called when a run is complete and again after a report was made of it.
func Seal(dir string) error {
	sums, err := sums(dir)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, path := range sortedKeys(sums) {
		fmt.Fprintf(&b, "%s  %s\n", sums[path], path)
	}
	tmp := filepath.Join(dir, sumsFile+".tmp")
	if err := os.WriteFile(tmp, []byte(b.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, sumsFile))
}

// Unseal removes CHECKSUMS, because the run goes on.
func Unseal(dir string) error {
	err := os.Remove(filepath.Join(dir, sumsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// VerifyRaw compares what the run has written with CHECKSUMS, if the result was ever
// sealed. Whoever seals it again must ask first, or a file that was damaged since
// would pass for one that was measured.
func VerifyRaw(dir string) error {
	want, err := readSums(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range sortedKeys(want) {
		if made(path) {
			continue
		}
		sum, err := FileSHA256(filepath.Join(dir, filepath.FromSlash(path)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("%s is missing, which was sealed", path))
		case err != nil:
			return err
		case sum != want[path]:
			errs = append(errs, fmt.Errorf("%s has changed since it was sealed", path))
		}
	}
	return errors.Join(errs...)
}

// made reports whether a file was made from what the run has written.
func made(path string) bool {
	top, _, _ := strings.Cut(path, "/")
	switch top {
	case "figures", "tables", "analysis.json", "report.html", "ro-crate-metadata.json":
		return true
	}
	return false
}

// readSums reads CHECKSUMS: the sum of each path.
func readSums(dir string) (map[string]string, error) {
	f, err := os.Open(filepath.Join(dir, sumsFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	want := map[string]string{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		sum, path, ok := strings.Cut(lines.Text(), "  ")
		if !ok || len(sum) != sha256.Size*2 {
			return nil, fmt.Errorf("%s:%d: not a line of sha256sum", filepath.Join(dir, sumsFile), n)
		}
		want[path] = sum
	}
	return want, lines.Err()
}

// VerifySums compares every file with CHECKSUMS. The error lists each file that
// changed, is missing or was added.
func VerifySums(dir string) error {
	want, err := readSums(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was never sealed: %w", dir, err)
	}
	if err != nil {
		return err
	}
	got, err := sums(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range sortedKeys(want) {
		switch sum, ok := got[path]; {
		case !ok:
			errs = append(errs, fmt.Errorf("%s is missing", path))
		case sum != want[path]:
			errs = append(errs, fmt.Errorf("%s has changed", path))
		}
	}
	for _, path := range sortedKeys(got) {
		if _, ok := want[path]; !ok {
			errs = append(errs, fmt.Errorf("%s is not in %s", path, sumsFile))
		}
	}
	return errors.Join(errs...)
}

// Verify checks the sums, the schema of every file that has one, and that every
// planned cell is there.
func Verify(dir string) error {
	if err := VerifySums(dir); err != nil {
		return err
	}
	r, err := Open(dir)
	if err != nil {
		return err
	}
	if SHA256(r.Manifest.ExperimentText) != r.Manifest.ExperimentSHA256 {
		return fmt.Errorf("%s: the experiment's text does not have its sum", filepath.Join(dir, "manifest.json"))
	}
	if !r.Complete {
		return fmt.Errorf("%s is not complete: %d of %d cells", dir, len(r.Cells), len(r.Planned))
	}
	for _, c := range r.Cells {
		if !c.Valid {
			continue
		}
		for _, kind := range []string{"response", "service", "slip"} {
			if _, err := c.Histogram(kind, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// sums hashes every file below dir by its slash-separated path.
func sums(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if rel == sumsFile || rel == sumsFile+".tmp" {
			return nil
		}
		sum, err := FileSHA256(path)
		out[rel] = sum
		return err
	})
	return out, err
}

// FileSHA256 hashes one file.
func FileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
