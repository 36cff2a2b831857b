{{/* The pod, for a dict with `root` and `profile`, main or canary. */}}

{{- define "nuncio.podLabels" -}}
{{- $own := dict "profile" .profile "service" "ambassador" -}}
{{- $selector := include "nuncio.selector" .root | fromYaml -}}
{{- $labels := include "nuncio.labels" .root | fromYaml -}}
{{- merge dict $selector (default dict .root.Values.podLabels) $labels $own | toYaml -}}
{{- end -}}

{{- define "nuncio.pod" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "nuncio.podLabels" . | nindent 4 }}
  annotations:
    {{- if ne $values.deploymentTool "getambassador.io" }}
    checksum/config: {{ printf "%s%s" $values.ambassadorConfig $values.prometheusExporter.configuration | sha256sum }}
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "nuncio.serviceAccountName" .root }}
  {{- with $values.terminationGracePeriodSeconds }}
  terminationGracePeriodSeconds: {{ int . }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with $values.restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  dnsPolicy: {{ $values.dnsPolicy }}
  hostNetwork: {{ $values.hostNetwork }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "nuncio.podSecurity" .root | nindent 4 }}
  {{- with $values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    {{- include "nuncio.container" . | nindent 4 }}
    {{- if $values.prometheusExporter.enabled }}
    {{- include "nuncio.exporter" .root | nindent 4 }}
    {{- end }}
    {{- with $values.sidecarContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "nuncio.volumes" .root | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- include "nuncio.spread" .root | trim | nindent 4 }}
{{- end -}}

{{/* A user without rights, unless it is said to be root. */}}
{{- define "nuncio.podSecurity" -}}
{{- $context := deepCopy (default .Values.security.podSecurityContext .Values.securityContext) -}}
{{- if and (hasKey $context "runAsUser") (not (hasKey $context "runAsNonRoot")) -}}
{{- $_ := set $context "runAsNonRoot" (ne (int $context.runAsUser) 0) -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{- define "nuncio.spread" -}}
{{- with .Values.topologySpreadConstraints -}}
{{- toYaml . -}}
{{- else -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "nuncio.selector" $ | nindent 6 }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "nuncio.volumes" -}}
{{- if .Values.ambassadorConfig }}
- name: ambassador-config
  configMap:
    name: {{ include "nuncio.fullname" . }}-file-config
    items:
    - key: ambassadorConfig
      path: ambassador-config.yaml
{{- end }}
{{- if .Values.prometheusExporter.enabled }}
- name: stats-exporter-mapping-config
  configMap:
    name: {{ include "nuncio.fullname" . }}-exporter-config
    items:
    - key: exporterConfiguration
      path: mapping-config.yaml
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- with .Values.volumesRaw }}
{{ tpl . $ }}
{{- end }}
{{- end -}}

{{- define "nuncio.exporter" -}}
- name: prometheus-exporter
  image: {{ printf "%s:%s" .Values.prometheusExporter.repository .Values.prometheusExporter.tag }}
  imagePullPolicy: {{ .Values.prometheusExporter.pullPolicy }}
  args:
  - --statsd.listen-udp=:8125
  - --web.listen-address=:9102
  - --statsd.mapping-config=/statsd-exporter/mapping-config.yaml
  ports:
  - name: metrics
    containerPort: 9102
  - name: listener
    containerPort: 8125
    protocol: UDP
  volumeMounts:
  - name: stats-exporter-mapping-config
    mountPath: /statsd-exporter/
    readOnly: true
  resources:
    {{- toYaml .Values.prometheusExporter.resources | nindent 4 }}
{{- end -}}
