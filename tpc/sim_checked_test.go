//go:build race

package tpc

const raceBuild = true
