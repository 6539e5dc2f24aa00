{{/* Names and labels. */}}
{{- define "screening.name" -}}{{ printf "%s-%s" .root.Release.Name .name | trunc 52 | trimSuffix "-" }}{{- end }}

{{- define "screening.selector" -}}
app.kubernetes.io/name: claims-screening
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "screening.labels" -}}
{{ include "screening.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "screening.image" -}}
{{ .root.Values.image.registry }}{{ get .root.Values.image (.part.image | default "line") }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* Environment: settings of all, then of the process; secrets by the file that is mounted. */}}
{{- define "screening.environment" -}}
{{- $secrets := mergeOverwrite (deepCopy .root.Values.secrets) (.part.secrets | default dict) }}
{{- range $name, $value := mergeOverwrite (deepCopy .root.Values.settings) (.part.settings | default dict) }}
- {name: SCREENING_{{ upper $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- range $name, $from := $secrets }}
- {name: SCREENING_{{ upper $name }}, value: /etc/screening/secrets/{{ $name }}/{{ $from.key }}}
{{- end }}
{{- end }}

{{- define "screening.mounts" -}}
- {name: data, mountPath: /var/lib/screening}
- {name: tmp, mountPath: /tmp}
{{- range $name, $from := mergeOverwrite (deepCopy .root.Values.secrets) (.part.secrets | default dict) }}
- {name: {{ $name | replace "_" "-" }}, mountPath: /etc/screening/secrets/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "screening.volumes" -}}
- {name: tmp, emptyDir: {sizeLimit: 1Gi}}
{{- range $name, $from := mergeOverwrite (deepCopy .root.Values.secrets) (.part.secrets | default dict) }}
- name: {{ $name | replace "_" "-" }}
  secret: {secretName: {{ $from.name }}, defaultMode: 0440, items: [{key: {{ $from.key }}, path: {{ $from.key }}}]}
{{- end }}
{{- end }}

{{- define "screening.pod" -}}
serviceAccountName: {{ .root.Release.Name }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "screening.locked" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
