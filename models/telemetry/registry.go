package telemetry

// Registry is what the admin port serves. (Skeleton: the owner fills it in.)
type Registry struct{}
