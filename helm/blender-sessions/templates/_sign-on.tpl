{{/* "true" where people sign in; empty where all are guests. It fails where the sign-on could not work. */}}
{{- define "blender-sessions.signsOn" -}}
{{- $values := .Values.signOn -}}
{{- if ne $values.mode "Guests" -}}
{{- if not .Values.portal.enabled -}}
{{- fail (printf "signOn.mode=%s needs the portal, which knows who somebody is: set portal.enabled=true, or signOn.mode=Guests" $values.mode) -}}
{{- end -}}
{{- if not .Values.proxy.enabled -}}
{{- fail (printf "signOn.mode=%s needs the chart's proxy, which tells Guacamole who somebody is: set proxy.enabled=true, and put yours before it" $values.mode) -}}
{{- end -}}
{{- if and (eq $values.mode "Header") (empty $values.header.trustedProxies) -}}
{{- fail "signOn.header.trustedProxies is required with signOn.mode=Header: the networks (CIDR) from which your authenticating proxy connects, for nobody else may say who a person is" -}}
{{- end -}}
true
{{- end -}}
{{- end -}}

{{- define "blender-sessions.signOnSecret" -}}
{{- .Values.signOn.existingSecret | default (include "blender-sessions.name" (list . "sign-on")) -}}
{{- end -}}

{{/* The variable with the name of the header by which Guacamole learns who somebody is. Call with (list $ "NAME"). */}}
{{- define "blender-sessions.personHeader" -}}
- name: SIGN_ON_GUACAMOLE_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "blender-sessions.signOnSecret" (index . 0) }}
      key: guacamole
- name: {{ index . 1 }}
  value: X-Person-$(SIGN_ON_GUACAMOLE_KEY)
{{- end -}}

{{/* The portal's variables of the sign-on. */}}
{{- define "blender-sessions.signOnSettings" -}}
{{- $values := .Values.signOn -}}
{{- $prefix := "BLENDERSESSIONS_PORTAL_SIGN_ON" -}}
{{- if include "blender-sessions.signsOn" . -}}
- name: {{ $prefix }}_MODE
  value: {{ $values.mode | quote }}
- name: {{ $prefix }}_PROXY_KEY_FILE
  value: /run/secrets/sign-on/portal
- name: {{ $prefix }}_ADMINISTRATOR
  valueFrom:
    secretKeyRef:
      name: {{ include "blender-sessions.adminSecret" . }}
      key: username
- name: {{ $prefix }}_FOLD_CASE
  value: {{ $values.foldCase | quote }}
- name: {{ $prefix }}_ADMIN_GROUPS
  value: {{ $values.adminGroups | toJson | quote }}
- name: {{ $prefix }}_CLASSES
  value: {{ $values.classes | toJson | quote }}
{{- with $values.header }}
- name: {{ $prefix }}_TRUSTED_PROXIES
  value: {{ join "," .trustedProxies | quote }}
- name: {{ $prefix }}_USER_HEADER
  value: {{ .user | quote }}
- name: {{ $prefix }}_NAME_HEADER
  value: {{ .name | quote }}
- name: {{ $prefix }}_GROUPS_HEADER
  value: {{ .groups | quote }}
- name: {{ $prefix }}_GROUPS_SEPARATOR
  value: {{ .groupsSeparator | quote }}
- name: {{ $prefix }}_SIGN_OUT_URL
  value: {{ .signOutURL | quote }}
{{- end }}
{{- end }}
{{- end -}}
