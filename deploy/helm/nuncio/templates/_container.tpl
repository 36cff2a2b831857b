{{/* The gateway itself, for a dict with `root` and `profile`, main or canary. */}}

{{- define "nuncio.container" -}}
{{- $values := .root.Values -}}
- name: {{ default .root.Chart.Name $values.containerNameOverride }}
  image: {{ include "nuncio.image" . }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  ports:
  {{- range $values.service.ports }}
  - name: {{ .name }}
    containerPort: {{ int (default .port .targetPort) }}
    {{- with .protocol }}
    protocol: {{ . }}
    {{- end }}
    {{- with .hostPort }}
    hostPort: {{ int . }}
    {{- end }}
  {{- end }}
  - name: admin
    containerPort: 8877
  {{- if not $values.prometheusExporter.enabled }}
  - name: metrics
    containerPort: 9102
  {{- end }}
  env:
    {{- include "nuncio.environment" . | nindent 4 }}
  lifecycle:
    {{- with $values.lifecycle }}
    {{- toYaml . | nindent 4 }}
    {{- else }}
    preStop:
      sleep:
        seconds: 5
    {{- end }}
  livenessProbe:
    httpGet:
      path: /ambassador/v0/check_alive
      port: admin
    {{- with $values.livenessProbe }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  readinessProbe:
    httpGet:
      path: /ambassador/v0/check_ready
      port: admin
    {{- with $values.readinessProbe }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.startupProbe }}
  startupProbe:
    httpGet:
      path: /ambassador/v0/check_ready
      port: admin
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.security.containerSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "nuncio.volumeMounts" .root | trim }}
  volumeMounts:
    {{- . | nindent 4 }}
  {{- end }}
  resources:
    {{- toYaml $values.resources | nindent 4 }}
{{- end -}}

{{- define "nuncio.volumeMounts" -}}
{{- if .Values.ambassadorConfig }}
- name: ambassador-config
  mountPath: /ambassador/ambassador-config
  readOnly: true
{{- end }}
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- with .Values.volumeMountsRaw }}
{{ tpl . $ }}
{{- end }}
{{- end -}}

{{/* Variables: what follows from other values, unless `env` has a word on it, then `env` and `envRaw`. */}}
{{- define "nuncio.environment" -}}
{{- $values := .root.Values -}}
- name: HOST_IP
  valueFrom:
    fieldRef:
      fieldPath: status.hostIP
- name: AMBASSADOR_NAMESPACE
  {{- if $values.namespace.name }}
  value: {{ $values.namespace.name | quote }}
  {{- else }}
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
  {{- end }}
{{- $derived := include "nuncio.derived" .root | fromYaml }}
{{- range $name, $value := merge dict (include "nuncio.given" .root | fromYaml) $derived }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- $raw := $values.envRaw }}
{{- if eq .profile "canary" }}
{{- $raw = default $values.envRaw $values.canary.envRaw }}
{{- end }}
{{- if kindIs "string" $raw }}
{{ tpl $raw .root | trim }}
{{- else if $raw }}
{{ toYaml $raw }}
{{- end }}
{{- end -}}

{{- define "nuncio.given" -}}
{{- range $name, $value := .Values.env }}
{{ $name | upper }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "nuncio.derived" -}}
{{- range .Values.service.ports }}
{{- if or (eq .name "http") (eq .name "https") }}
NUNCIO_{{ .name | upper }}: "0.0.0.0:{{ int (default .port .targetPort) }}"
{{- end }}
{{- end }}
{{- with .Values.terminationGracePeriodSeconds }}
NUNCIO_DRAIN_DELAY: 5s
NUNCIO_DRAIN_LIMIT: {{ max 1 (sub (int .) 15) }}s
{{- end }}
{{- if .Values.scope.singleNamespace }}
AMBASSADOR_SINGLE_NAMESPACE: "YES"
{{- end }}
{{- if .Values.prometheusExporter.enabled }}
STATSD_ENABLED: "true"
STATSD_HOST: localhost
# 9102 is the exporter's.
NUNCIO_METRICS: "127.0.0.1:0"
{{- end }}
{{- end -}}
