package result

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ceteris/ceteris/harness/host"
)

// ManifestSchema is the version of manifest.json.
const ManifestSchema = "ceteris-result/1"

// Manifest says what was planned before the first cell ran. It never changes.
type Manifest struct {
	Schema           string         `json:"schema"`
	Experiment       string         `json:"experiment"`
	ExperimentText   string         `json:"experiment_text"`
	ExperimentSHA256 string         `json:"experiment_sha256"`
	BinarySHA256     string         `json:"binary_sha256"`
	GoVersion        string         `json:"go_version"`
	Revision         string         `json:"git_revision"`
	Dirty            bool           `json:"git_dirty"`
	Seed             uint64         `json:"seed"`
	StartUTC         string         `json:"start_utc"`
	HostClass        host.Class     `json:"host_class"`
	Env              string         `json:"env"` // file name
	Placement        host.Placement `json:"placement"`
	Arms             []Arm          `json:"arms"`
	Planned          []PlannedCell  `json:"planned"`
}

// Arm is one thing compared: a model and its effective configuration, without
// what a cell adds (durability, data directory).
type Arm struct {
	Name   string            `json:"name"`
	Model  string            `json:"model"`
	Config map[string]string `json:"config"`
}

// PlannedCell is one cell in the order of the plan.
type PlannedCell struct {
	ID         string  `json:"id"`
	Block      int     `json:"block"`
	Position   int     `json:"position"`
	Workload   string  `json:"workload"`
	Durability string  `json:"durability"`
	Arm        string  `json:"arm"`
	Model      string  `json:"model"`
	Replicate  bool    `json:"replicate"`
	LoadPerSec float64 `json:"load_per_sec"` // 0 too where Probe or Fraction leave it to the run
	Probe      int     `json:"probe,omitempty"`
	Fraction   float64 `json:"fraction,omitempty"`
}

// Key names a cell in the whole run.
func (c PlannedCell) Key() string { return fmt.Sprintf("%03d/%s", c.Block, c.ID) }

// Dir is the cell's directory below the run's.
func (c PlannedCell) Dir() string { return filepath.Join("blocks", fmt.Sprintf("%03d", c.Block), c.ID) }

// Create makes the directory of a new run below root and writes what is known
// before the first cell. The name holds the start and a hash of the experiment
// and the start, so that two runs never share one.
func Create(root string, m *Manifest, env *host.Env) (*Run, error) {
	if m.Experiment == "" {
		return nil, errors.New("result: the experiment has no name")
	}
	m.Schema, m.Env = ManifestSchema, "env.json"
	m.ExperimentSHA256 = SHA256(m.ExperimentText)
	now := time.Now().UTC()
	m.StartUTC = now.Format(time.RFC3339Nano)
	name := now.Format("20060102T150405Z") + "-" + SHA256(m.ExperimentSHA256 + m.BinarySHA256 + m.StartUTC)[:8]
	r := &Run{Dir: filepath.Join(root, m.Experiment, name), Manifest: *m, Env: *env}
	if err := os.MkdirAll(filepath.Dir(r.Dir), 0o755); err != nil {
		return nil, fmt.Errorf("creating the result directory: %w", err)
	}
	if err := os.Mkdir(r.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating the result directory: %w", err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "experiment.yaml"), []byte(m.ExperimentText), 0o644); err != nil {
		return nil, err
	}
	if err := WriteJSON(filepath.Join(r.Dir, m.Env), env); err != nil {
		return nil, err
	}
	// The manifest comes last: a directory with one is complete enough to resume.
	if err := WriteJSON(filepath.Join(r.Dir, "manifest.json"), m); err != nil {
		return nil, err
	}
	return r, nil
}

// SHA256 hashes a text, as the manifest does with the experiment's.
func SHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// WriteJSON writes v indented, by way of a temporary file, so that a reader
// sees all of it or none.
func WriteJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// readJSON reads path into v; a key that v does not know is an error, so that a
// file of another version is not half understood.
func readJSON(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if dec.More() {
		return fmt.Errorf("%s: more than one JSON value", path)
	}
	return nil
}
