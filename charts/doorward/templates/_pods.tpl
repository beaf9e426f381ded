{{/* What every pod has. Takes (dict "root" $ "component" NAME "context" SECURITY_CONTEXT?). */}}
{{- define "doorward.podBasics" -}}
serviceAccountName: {{ include "doorward.fullname" .root }}
automountServiceAccountToken: false
# A Service called `mysql` in this namespace must not become MYSQL_PORT.
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- $own := get .root.Values .component | default dict }}
{{- with $own.nodeSelector | default .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations | default .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext: {{ toYaml (.context | default .root.Values.podSecurityContext) | nindent 2 }}
{{- end -}}

{{- define "doorward.hardened" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "doorward.tmp" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- end -}}

{{/* How to reach a database. Takes (dict "root" $ "account" NAME "database" identity|tickets). */}}
{{- define "doorward.databaseEnv" -}}
{{- $name := eq .database "tickets" | ternary .root.Values.externalDatabase.ticketsName .root.Values.externalDatabase.identityName -}}
- name: DOORWARD_DATABASE_URL
  value: mysql+pymysql://doorward_{{ .account }}@{{ include "doorward.databaseHost" .root }}:{{ include "doorward.databasePort" .root }}/{{ $name }}
- name: DOORWARD_DATABASE_PASSWORD_FILE
  value: /run/secrets/doorward/{{ .account }}-password
{{- if and (not .root.Values.mariadb.enabled) .root.Values.externalDatabase.tlsSecret }}
- name: DOORWARD_DATABASE_TLS_CA_FILE
  value: /run/secrets/doorward/database-ca.crt
{{- end }}
{{- end -}}

{{/* The volume of secrets of a pod, one folder. Takes (dict "root" $ "accounts" LIST "more" SOURCES?). */}}
{{- define "doorward.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "doorward.secret" (dict "root" .root "kind" "database") }}
          items:
            {{- range .accounts }}
            - {key: {{ . }}-password, path: {{ . }}-password}
            {{- end }}
      {{- if and (not .root.Values.mariadb.enabled) .root.Values.externalDatabase.tlsSecret }}
      - secret:
          name: {{ .root.Values.externalDatabase.tlsSecret }}
          items:
            - {key: ca.crt, path: database-ca.crt}
      {{- end }}
      {{- with .more }}
      {{- . | nindent 6 }}
      {{- end }}
{{- end -}}

{{- define "doorward.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /run/secrets/doorward, readOnly: true}
{{- end -}}

{{/* A Job's name says what it does, since a Job cannot be changed. Takes (dict "root" $ "component" NAME "spec" TEXT). */}}
{{- define "doorward.jobName" -}}
{{- printf "%s-%s-%s" (include "doorward.fullname" .root) .component (.spec | sha256sum | trunc 8) -}}
{{- end -}}
