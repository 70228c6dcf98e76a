package host

import (
	"errors"
	"fmt"
	"os"
)

// Change is something that was changed on the machine, so that it can be undone.
type Change struct {
	Check string `json:"check"`
	Path  string `json:"path"`
	Was   string `json:"was"`
	Is    string `json:"is"`
}

// Fix mends what can be mended by writing to the kernel's files and can be
// undone. What the kernel refuses is in the error; the changes that were made
// are returned all the same.
func (m Machine) Fix(checks []Check) (made []Change, err error) {
	var errs []error
	for _, c := range checks {
		if c.Status == Pass {
			continue
		}
		for _, w := range c.writes {
			was := chosen(m.read(w.path))
			if was == w.want {
				continue
			}
			if err := m.set(w.path, w.want); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
				continue
			}
			made = append(made, Change{c.Name, w.path, was, w.want})
		}
	}
	return made, errors.Join(errs...)
}

// Undo puts back what was there, last change first.
func (m Machine) Undo(made []Change) error {
	var errs []error
	for i := len(made) - 1; i >= 0; i-- {
		if err := m.set(made[i].Path, made[i].Was); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", made[i].Check, err))
		}
	}
	return errors.Join(errs...)
}

// set writes one value and reads it back: some files take a value and keep another.
func (m Machine) set(path, value string) error {
	if err := os.WriteFile(m.path(path), []byte(value), 0o644); err != nil {
		return err
	}
	if got := chosen(m.read(path)); got != value {
		return fmt.Errorf("%s is %q after %q was written", path, got, value)
	}
	return nil
}
