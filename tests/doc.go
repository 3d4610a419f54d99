// Package tests has scenarios that cross packages, processes and languages, tests of what other
// projects' test suites expect of an eventfd, and checks of the models in docs.
package tests
