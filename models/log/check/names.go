package check

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

const offsetDigits = 20

// segmentName takes "00000000000000000042.log" apart: 42, ".log".
func segmentName(name string) (base int64, suffix string, ok bool) {
	if len(name) <= offsetDigits {
		return 0, "", false
	}
	switch suffix = name[offsetDigits:]; suffix {
	case ".log", ".index", ".timeindex", ".snapshot", ".txnindex":
	default:
		return 0, "", false
	}
	for i := range offsetDigits {
		if name[i] < '0' || name[i] > '9' {
			return 0, "", false
		}
	}
	base, err := strconv.ParseInt(name[:offsetDigits], 10, 64)
	return base, suffix, err == nil
}

func segmentPath(dir string, base int64, suffix string) string {
	return filepath.Join(dir, fmt.Sprintf("%0*d%s", offsetDigits, base, suffix))
}

// partitionName takes "orders-3" apart. Topics may have dashes in their names.
func partitionName(name string) (topic string, index int32, ok bool) {
	dash := strings.LastIndexByte(name, '-')
	if dash < 1 {
		return "", 0, false
	}
	topic = name[:dash]
	n, err := strconv.ParseInt(name[dash+1:], 10, 32)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != name[dash+1:] || !topicName(topic) {
		return "", 0, false
	}
	return topic, int32(n), true
}

// topicName applies Kafka's rules.
func topicName(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return name != "" && name != "." && name != ".." && len(name) <= 249 && strings.Trim(name, allowed) == ""
}

// goingDir knows directories that a broker is about to remove or to move in:
// "<topic>-<partition>.<unique>-delete", "-future", "-stray".
func goingDir(name string) bool {
	for _, suffix := range []string{"-delete", "-future", "-stray"} {
		stem, ok := strings.CutSuffix(name, suffix)
		if !ok {
			continue
		}
		if dot := strings.LastIndexByte(stem, '.'); dot > 0 {
			// The name may have been cut to fit, so the rest is not parsed.
			return true
		}
	}
	return false
}

// goingFile knows files that recovery removes or finishes.
func goingFile(name string) bool {
	for _, suffix := range []string{".deleted", ".cleaned", ".swap"} {
		if stem, ok := strings.CutSuffix(name, suffix); ok {
			_, _, segment := segmentName(stem)
			return segment
		}
	}
	stem, ok := strings.CutSuffix(name, ".tmp")
	_, _, segment := segmentName(stem)
	return ok && (segment || partitionText[stem] != nil)
}
