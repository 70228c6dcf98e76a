package result

import (
	"os"
	"path/filepath"

	"github.com/ceteris/ceteris/harness/host"
)

// CertificateSchema is the version of certificate.json.
const CertificateSchema = "ceteris-certificate/1"

// Certificate says what the load generator is good for on this machine. One that
// fails is kept, and marks the result that it is part of.
type Certificate struct {
	Schema    string              `json:"schema"`
	StartUTC  string              `json:"start_utc"`
	HostClass host.Class          `json:"host_class"`
	Placement host.Placement      `json:"placement"`
	Valid     bool                `json:"valid"` // every check passed
	Drivers   []DriverCertificate `json:"drivers"`
}

// DriverCertificate is about one driver.
type DriverCertificate struct {
	Driver string             `json:"driver"`
	Checks []CertificateCheck `json:"checks"`
	// NullPerSec is how many requests a second the driver gets out of the null
	// broker in a closed loop, by workload; ModelPerSec what it gets out of the
	// models, where they were asked.
	NullPerSec  map[string]float64            `json:"null_requests_per_sec"`
	ModelPerSec map[string]map[string]float64 `json:"model_requests_per_sec,omitempty"`
	Slip        CertificateCurve              `json:"slip"` // at the rate of the slip check
	// Bare is how late a thread on the generator's CPU was that only waited, at the
	// same rate: the machine's part of the slip.
	Bare  CertificateCurve `json:"bare,omitzero"`
	Floor CertificateCurve `json:"floor"` // response times of the null broker at a low rate
}

// CertificateCheck is one property: a value that must not exceed, or with AtLeast
// not fall below, its limit. NotRun says why there is no value.
type CertificateCheck struct {
	Name    string  `json:"name"`
	OK      bool    `json:"ok"`
	Value   float64 `json:"value"`
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"at_least,omitempty"`
	Unit    string  `json:"unit"`
	Detail  string  `json:"detail"`
	NotRun  string  `json:"not_run,omitempty"`
}

// CertificateCurve is a distribution of times; without requests when its load
// could not be run.
type CertificateCurve struct {
	Requests int64                 `json:"requests"`
	Points   []CertificateQuantile `json:"points"`
}

// CertificateQuantile is a point of a distribution.
type CertificateQuantile struct {
	Percentile float64 `json:"percentile"`
	Ns         float64 `json:"ns"`
}

// BoundFactor is how many times a model's rate the null broker's must be, so that
// the model and not the generator is what is measured.
const BoundFactor = 3

// Failed lists the checks that did not pass, "driver: name" each.
func (c *Certificate) Failed() (names []string) {
	for _, d := range c.Drivers {
		for _, k := range d.Checks {
			if !k.OK {
				names = append(names, d.Driver+": "+k.Name)
			}
		}
	}
	return names
}

// Driver is the part about a driver; nil when there is none.
func (c *Certificate) Driver(name string) *DriverCertificate {
	for i := range c.Drivers {
		if c.Drivers[i].Driver == name {
			return &c.Drivers[i]
		}
	}
	return nil
}

// CertificatePath is where a run's certificate is.
func CertificatePath(dir string) string { return filepath.Join(dir, "certificate.json") }

// Certificate reads the run's certificate; nil without error when it has none.
func (r *Run) Certificate() (*Certificate, error) {
	c := &Certificate{}
	err := readJSON(CertificatePath(r.Dir), c)
	if os.IsNotExist(err) {
		return nil, nil
	}
	return c, err
}
