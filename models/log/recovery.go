package log

// Recovery is what opening a log found and mended, for the broker to report.
type Recovery struct {
	Unclean         bool  // the directory was not closed cleanly, batches were read back
	TruncatedAt     int64 // offset at which the log was cut, -1 when it was not
	TruncatedBytes  int64 // what was cut off, without zero-filled blocks behind the end
	DroppedSegments int   // whole segments removed because they lay behind the cut
	RebuiltIndexes  int   // segments whose index files were missing or unsound
	ScannedBytes    int64 // how much was read back
}
