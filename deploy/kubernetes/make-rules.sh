#!/bin/sh
# Writes prometheusrule.yaml from the rules in ../prometheus/, for the Prometheus operator.
set -eu

cd "$(dirname "$0")"
{
    cat <<'END'
# Made by make-rules.sh from ../prometheus/ingestkit-pdf.rules.yml: change the rules there. A Prometheus that
# selects rules by label (ruleSelector) needs its label here as well.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: ingestkit-pdfd
  labels:
    app.kubernetes.io/name: ingestkit-pdfd
spec:
END
    sed -e '/^#/d' -e 's/./  &/' ../prometheus/ingestkit-pdf.rules.yml
} >prometheusrule.yaml
